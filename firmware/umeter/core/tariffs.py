"""Which price is in force, and into which rate register the energy goes.

The tick knows one price and the end of one block; they are set here. Transient: imported for the
work of a turn, and forgotten.
"""

from micropython import const

from umeter.core.channel import NO_BLOCK
from umeter.core.energy import UNITS_PER_WH

_EPOCH_S = const(1_577_836_800)  # where `when` begins, in Unix seconds
_KWH_U = const(1_000_000)  # where the unit of credit is the kWh


def in_force(doc, index, when):
    """(tariff object of a channel at `when`, when another one follows; 0: none does).

    What the channel has of its own comes before what all have, and in each of the two the next
    tariff from its moment on, then the tariff, then the flat price.
    """
    if doc.get("unit", index) == "kwh":
        return {"prices": [[_KWH_U]]}, 0
    follows = 0
    for get in (lambda key: doc.own(key, index), doc.get):
        tariff = get("next_tariff")
        if tariff:
            start = tariff["from"] - _EPOCH_S
            if when >= start:
                return tariff, follows
            follows = min(follows or start, start)
        tariff = get("tariff")
        if tariff:
            return tariff, follows
        price = get("price_u_per_kwh")
        if price is not None:  # all have one
            break
    return {"prices": [[price]]}, follows


def standing(doc, index, when):
    """Standing charge of a channel at `when`, micro-units per day."""
    return in_force(doc, index, when)[0].get("standing_u_per_day", 0)


def apply(doc, channel, book, now, when):
    """Bring a channel's price and rate registers up to the present moment.

    now: local time, or None while the clock is not trusted; `when` is then the newest time that
    is known to have passed, or 0. Returns (the next minute of the day at which the rate may
    change, at most 1440, or 0 if only the clock could tell the rate; when another tariff follows,
    0: none does).

    The energy of a tick that passed the end of a block waits in channel.late for the new price:
    the present moment is where that energy begins. The blocks of a month are counted in whole
    watt-hours of the register, from the one that was begun when the month was.
    """
    register = channel.register
    units = register.wh * UNITS_PER_WH + register.residual - channel.late
    wh = units // UNITS_PER_WH
    rest = units % UNITS_PER_WH
    rate = book.rate  # of the energy up to here
    units = rest - book.mark_rest + book.rate_rest[rate]
    book.rate_wh[rate] += wh - book.mark_wh + units // UNITS_PER_WH
    book.rate_rest[rate] = units % UNITS_PER_WH
    book.mark_wh = wh
    book.mark_rest = rest
    if now is not None and book.month != now.month:
        book.month = now.month
        book.month_wh = wh
        book.month_rest = rest
    tariff, follows = in_force(doc, channel.index, when)
    book.rate, until = _rate(tariff, now)
    block = 0
    channel.block_end_wh = NO_BLOCK
    for kwh in tariff.get("blocks_kwh", ()):
        end = book.month_wh + kwh * 1000
        if wh < end:
            channel.block_end_wh = end
            break
        block += 1
    channel.tariff.price_u_per_kwh = tariff["prices"][block][book.rate]
    return until, follows


def _rate(tariff, now):
    """(rate in force, 0 .. 3, the minute until which it surely is)."""
    rate = tariff.get("fallback", 1) - 1
    until = 1440
    tables = tariff.get("tables")
    if tables:
        if now is None:
            return rate, 0
        season = -1  # before the year's first season its last one goes on
        for start in tariff.get("seasons", ()):
            if start <= now.mmdd:
                season += 1
        kinds = tables[season]
        for hhmm, number in kinds[min(now.kind, len(kinds) - 1)]:
            minute = hhmm // 100 * 60 + hhmm % 100
            if minute > now.minute:
                until = minute
                break
            rate = number - 1
    return rate, until

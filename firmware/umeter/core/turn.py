"""Works the terms in force out anew, from settings, books and clock. Transient.

The tick compares plain numbers and calls for a turn when one is crossed: a moment, an amount, a
block's end, a timer. Turns may come late, early, twice or not at all: what is charged for time is
charged from the book's marks to now.
"""

from micropython import const

from umeter.core import calendar, credit, limits, tariffs
from umeter.core.book import PART_S, Book, Refusal

_CLOSED = const(2)  # flags of the book
_FRIENDLY = const(4)
_BUDGET = const(8)
_OWN = const(16)
_FALLBACK = const(64)
_FOLLOWS = const(128)

_MOST = const(0x3FFFFFFF)
_USER = const(8)  # claim
_LONGEST_DAYS = const(366)
_LONGEST_PARTS = const(5228)
_FAR_S = const(0x3FFFFFFF)
_FRIENDLY_S = const(86_400)
_DUE_LIMITS = const(28)  # DUE_TIMER | DUE_LIMIT | DUE_STEP
_DUE_WATCH = const(480)  # DUE_WELD | DUE_STUCK | DUE_REVERSE | DUE_FROZEN


def turn(meter):
    """All channels. Sets meter.next_when."""
    doc = meter.settings.open()
    if doc.get("inlet_ch"):
        from umeter.core import watch

        watch.sums(meter, doc)
    meter.next_when = meter.when and _FAR_S
    _work(meter, doc, meter.channels)


def look(meter, channel):
    """One channel, for what its `due` says or because of an order."""
    doc = meter.settings.open()
    _work(meter, doc, (channel,))
    while channel.late:  # energy beyond the end of a block: at the price that is in force now
        channel.charge_late()
        _work(meter, doc, (channel,))


def hand(meter, channel, long):
    """The consumer's button of one channel."""
    from umeter.core import life

    try:
        life.hand(meter, meter.settings.open(), channel, Book(meter, channel), long)
    except Refusal:  # nothing to take: the hand has nothing to say it with
        pass


def cover(meter, open_):
    """The switch of the board's cover."""
    from umeter.core import watch

    watch.cover(meter, meter.settings.open(), open_)


def stepped(meter, before, after):
    """The trusted clock was set from `before` to `after`: that is no time to be charged."""
    doc = meter.settings.open()
    then = calendar.now(doc, before)
    now = calendar.now(doc, after)
    for channel in meter.channels:
        book = Book(meter, channel)
        if book.day:
            _charge_time(doc, channel, book, then, before)
            _mark(doc, channel, book, now, after)
            book.save()
    meter.when = after
    meter.next_when = 0


def _work(meter, doc, channels):
    when = meter.when
    now = calendar.now(doc, when)
    until = 1440
    next_when = _FAR_S
    for channel in channels:
        book = Book(meter, channel)
        if now is not None:
            _charge_time(doc, channel, book, now, when)
        minute, follows = tariffs.apply(doc, channel, book, now, when or meter.last_when)
        if now is not None:
            until = min(until, minute)
            if follows:
                next_when = min(next_when, follows)
                book.flags |= _FOLLOWS
            elif book.flags & _FOLLOWS:
                book.flags &= ~_FOLLOWS
                if doc.get("next_tariff", channel.index):  # not withdrawn
                    book.event("tariff.next")
            book.flags &= ~(_FALLBACK | _FRIENDLY)
            row, minute = calendar.spans(doc.get("friendly", channel.index), now)
            until = min(until, minute)
            if row:
                book.flags |= _FRIENDLY
        elif meter.up_s >= _FRIENDLY_S:
            book.flags &= ~_FRIENDLY
        until = min(until, limits.apply(doc, channel, book, now))
        if channel.due & _DUE_LIMITS:
            limits.look(meter, doc, channel, book)
        if channel.due & _DUE_WATCH:
            from umeter.core import watch

            watch.look(meter, doc, channel, book)
        channel.due = 0
        if not channel.timer_ms:
            limits.boot(doc, channel, book)
        # A boot is given some time to learn the time.
        if now is None and not minute and meter.up_s and not book.flags & _FALLBACK:
            book.flags |= _FALLBACK
            book.event("tariff.fallback", book.rate + 1)
        credit.settle(doc, channel, book)
        book.save()
        if book.debt_u[0] or book.debt_u[1]:
            next_when = min(next_when, (when // PART_S + 1) * PART_S)
    if now is not None:
        meter.next_when = min(meter.next_when, next_when, now.at(until))


def _charge_time(doc, channel, book, now, when):
    """Charge what has passed since the book's marks, and set them."""
    account = channel.account
    days = now.day + 1 - book.day
    if not book.day:
        book.day_charged_u = account.charged_total_u
    if not book.day or days < -1 or book.flags & _CLOSED:
        _mark(doc, channel, book, now, when)
        days = 0
    # A clock may come back from a boot a little slow: marks that lie ahead of it by less than a
    # day stay.
    if days > 0:
        _new_days(doc, channel, book, days, when)
        book.day = now.day + 1
    if now.week > book.week:
        book.week = now.week
        book.share_paid_u = 0
    part = when // PART_S
    if part > book.part:
        _debts(doc, channel, book, max(book.part, part - _LONGEST_PARTS), part)
        book.part = part
    if not book.flags & _CLOSED:
        _allowance(doc, channel, book, now)


def _mark(doc, channel, book, now, when):
    """Charge from now on."""
    book.day = now.day + 1
    book.week = now.week
    book.part = when // PART_S
    if book.month:
        book.month = now.month
    if book.allowance_period:
        book.allowance_period = _period(doc, channel, now)


def _new_days(doc, channel, book, days, when):
    """So many midnights: the standing charge, and what is counted by the day."""
    account = channel.account
    count = min(days, _LONGEST_DAYS)
    hundred_u = tariffs.standing(doc, channel.index, when) * 100
    room_u = account.balance_u - credit.limit_u(doc, channel, book)
    taken_u = _taken(hundred_u, 0, count, room_u)
    account.charge(taken_u)
    book.standing_total_u += taken_u
    book.accumulated_u += hundred_u * count // 100 - taken_u
    charged_u = account.charged_total_u
    used = min(max(0, charged_u - book.day_charged_u) // (days * 1000), _MOST)
    book.days_milli = ([used] * min(days, 7) + book.days_milli)[:7]
    book.day_charged_u = charged_u
    limits.midnight(book)
    if book.flags & _BUDGET and not book.flags & _OWN:
        channel.claims &= ~_USER
    book.flags &= ~_BUDGET


def _debts(doc, channel, book, first, last):
    """Take the two time debts for the parts from number `first` up to `last`."""
    index = channel.index
    account = channel.account
    for i in range(2):
        weekly_u = doc.get("debt%d_weekly_u" % (i + 1), index)
        always = doc.get("debt%d_take" % (i + 1), index) == "always"
        end_u = credit.limit_u(doc, channel, book) if always else doc.get("disable_at_u", index)
        due_u = min(book.debt_u[i], weekly_u * last // 100 - weekly_u * first // 100)
        taken_u = min(due_u, _taken(weekly_u, first, last, account.balance_u - end_u))
        account.charge(taken_u)
        book.debt_total_u += taken_u
        if always:
            book.accumulated_u += due_u - taken_u
            taken_u = due_u
        book.debt_u[i] -= taken_u


def _taken(hundred_u, first, last, room_u):
    """Sum of the steps from `first` to `last`, a hundred of which are hundred_u, as far as there
    is credit. The step that uses it up is taken whole.
    """
    if room_u <= 0 or not hundred_u:
        return 0
    before_u = hundred_u * first // 100
    end = -(-100 * (before_u + room_u) // hundred_u)
    return hundred_u * min(last, end) // 100 - before_u


def _period(doc, channel, now):
    """A number for the day, week or month of the allowance, its last three bits for which."""
    every = doc.get("allowance_every", channel.index)
    return getattr(now, every) * 8 + len(every)


def _allowance(doc, channel, book, now):
    """A new period: what is left of the old allowance expires, the new one is given."""
    period = _period(doc, channel, now)
    # Another kind of period begins at once; one that was there already does not come again.
    if period <= book.allowance_period and not (period ^ book.allowance_period) & 7:
        return
    credit.expire(channel, book)
    amount_u = doc.get("allowance_u", channel.index)
    if amount_u:
        account = channel.account
        after_u = account.balance_u + amount_u
        credit.give(doc, channel, book, amount_u)
        book.allowance_period = period
        book.allowance_u = max(0, min(amount_u, after_u))
        book.allowance_charged_u = account.charged_total_u
        book.save("allowance.given", amount_u)

"""What cannot be, and yet is measured: welded contacts, energy that comes back or goes round the
meters, an open cover. Transient.

Each is an event, and by the setting `lock_on` the claim TAMPER, which the operator alone releases.
"""

from micropython import const

from umeter.core.book import Book
from umeter.core.channel import DUE_FROZEN, DUE_REVERSE, DUE_STUCK, DUE_WELD
from umeter.core.supply import TAMPER

# bit of `due`, event (the register's own is told already), word of `lock_on`
_FACTS = (
    (DUE_WELD, "contact.welded", "weld"),
    (DUE_STUCK, "contact.stuck", "stuck"),
    (DUE_REVERSE, "energy.reverse", "reverse"),
    (DUE_FROZEN, None, "frozen"),
)
_WINDOW_S = const(900)  # in a shorter time registers that count in watt-hours say too little


def look(meter, doc, channel, book):
    """Tell what `channel.due` says of contact and front end, and lock by the settings.

    Events: a is the power in W, b the voltage in V.
    """
    sample = channel.sample
    for bit, code, word in _FACTS:
        if channel.due & bit:
            if code:
                meter.event(
                    code, channel.index + 1, abs(sample.power_dw) // 10, sample.voltage_dv // 10
                )
            if word in doc.get("lock_on", channel.index):
                _lock(meter, channel, book)


def cover(meter, doc, open):
    """The cover was opened, or closed."""
    meter.event("cover.open" if open else "cover.closed")
    if open:
        _lock_all(meter, doc, "cover")


def sums(meter, doc):
    """Compare the inlet's energy with that of all others, since a quarter of an hour or more.

    The event energy.unmetered comes once until the difference is gone: a is its mean in W, b its
    share of the inlet in per cent. The mark of the last time is `meter.inlet`.
    """
    inlet = doc.get("inlet_ch")
    if not 0 < inlet <= len(meter.channels):
        meter.inlet = None
        return
    total = others = 0
    for channel in meter.channels:
        mwh = channel.register.wh * 1000 + channel.register.residual // 36_000
        if channel.index + 1 == inlet:
            total = mwh
        else:
            others += mwh
    mark = meter.inlet
    if mark is None or mark[0] != inlet:
        meter.inlet = (inlet, meter.up_s, total, others, False)
        return
    _, since_s, total_then, others_then, told = mark
    span_s = meter.up_s - since_s
    if span_s < _WINDOW_S:
        return
    total -= total_then
    lost = total - (others - others_then)
    mean_w = lost * 18 // (span_s * 5)  # 1 W for 18 s is 5 mWh
    blamed = mean_w > doc.get("unmetered_w") and lost * 100 > total * doc.get("unmetered_percent")
    meter.inlet = (inlet, meter.up_s, total + total_then, others, blamed)
    if blamed and not told:
        meter.event("energy.unmetered", inlet, mean_w, lost * 100 // total)
        _lock_all(meter, doc, "unmetered")


def _lock_all(meter, doc, word):
    for channel in meter.channels:
        if word in doc.get("lock_on", channel.index):
            _lock(meter, channel, Book(meter, channel))


def _lock(meter, channel, book):
    channel.claims |= TAMPER
    channel.armed &= ~TAMPER
    book.locked |= TAMPER
    book.save()
    meter.urgent()

"""A snapshot of all channels, as columns. Readings are cumulative: a lost one costs nothing.

Made once a minute: imported for that moment.
"""

from micropython import const

from umeter.core import account_status
from umeter.core.book import Book
from umeter.net.reports import unix_or_0

_COLUMNS = const(
    "energy_wh power_dw voltage_dv current_ma credited_total_u charged_total_u given_total_u "
    "balance_u contact claims armed rate state days_left age_s"
)


def reading(meter, clock):
    """{column: [by channel]} and what the meter as a whole has.

    `seq` grows within a boot; `event` is the newest event's number, `interval` the newest closed
    interval's, where there is a log; `age_s` is the age of the measured values; `up_s` is the
    uptime. `state` and `days_left` are account_status's, `rate` is 1 .. 4.
    """
    names = _COLUMNS.split()
    columns = {}
    for name in names:
        columns[name] = []
    doc = meter.settings.open()
    for channel in meter.channels:
        sample = channel.sample
        account = channel.account
        book = Book(meter, channel)
        values = (
            channel.register.wh,
            sample.power_dw,
            sample.voltage_dv,
            sample.current_ma,
            account.credited_total_u,
            account.charged_total_u,
            book.given_total_u,
            account.balance_u,
            int(channel.contact),
            channel.claims,
            channel.armed,
            book.rate + 1,
            account_status.state_bits(doc, channel, book),
            account_status.days_left(channel, book),
            sample.silent_ms // 1000,
        )
        for i in range(len(values)):
            columns[names[i]].append(values[i])
    columns["boot"] = meter.boot
    columns["seq"] = meter.ticks
    columns["t"] = unix_or_0(clock.when)
    columns["clock"] = int(clock.when != 0)
    columns["up_s"] = meter.up_s
    columns["event"] = meter.events.next_n - 1
    if meter.profile is not None:
        columns["interval"] = meter.profile.ring.newest
    return columns

"""What the meter tells, as dicts ready for JSON: integers, units in the keys, channels as columns.

`t` is Unix seconds, 0 while the clock is not trusted. Readings are cumulative: a lost one costs
nothing.
"""

import json

from micropython import const

EPOCH_OFFSET_S = const(1_577_836_800)  # 2020-01-01T00:00:00Z, where `when` begins, in Unix seconds

_COLUMNS = const(
    (
        "energy_wh",
        "power_dw",
        "voltage_dv",
        "current_ma",
        "credited_total_u",
        "charged_total_u",
        "balance_u",
        "contact",
        "claims",
        "age_s",
    )
)


# By machine.reset_cause() of the ESP32.
_CAUSES = const(("unknown", "power", "hard", "watchdog", "deep sleep", "soft"))


def encode(report):
    """The bytes of a report on the wire."""
    return json.dumps(report, separators=(",", ":")).encode()


def unix_or_0(when):
    """Unix seconds of a `when`; 0 stays 0, not trusted."""
    return when + EPOCH_OFFSET_S if when else 0


def reading(meter, clock):
    """A snapshot of all channels.

    `seq` grows within a boot; `event` is the newest event's number, `interval` the newest closed
    interval's, where there is a log; `age_s` is the age of the measured
    values; `up_s` is the uptime.
    """
    columns = {}
    for name in _COLUMNS:
        columns[name] = []
    for channel in meter.channels:
        sample = channel.sample
        account = channel.account
        values = (
            channel.register.wh,
            sample.power_dw,
            sample.voltage_dv,
            sample.current_ma,
            account.credited_total_u,
            account.charged_total_u,
            account.balance_u,
            int(channel.contact),
            channel.claims,
            sample.silent_ms // 1000,
        )
        for i in range(len(values)):
            columns[_COLUMNS[i]].append(values[i])
    columns["boot"] = meter.boot
    columns["seq"] = meter.ticks
    columns["t"] = unix_or_0(clock.when)
    columns["clock"] = int(clock.when != 0)
    columns["up_s"] = meter.up_s
    columns["event"] = meter.events.next_n - 1
    if meter.profile is not None:
        columns["interval"] = meter.profile.ring.newest
    return columns


def status(meter, clock, about):
    """The retained `online`. about: {"version", "board", "digest", "tls", "warn"}, what the
    program knows of itself.
    """
    report = {"state": "online", "boot": meter.boot, "channels": len(meter.channels)}
    report["clock"] = int(clock.when != 0)
    report["cause"] = _CAUSES[meter.cause] if meter.cause < len(_CAUSES) else "unknown"
    report.update(about)
    return report


def will(meter):
    """What the broker says in the meter's name when the connection is lost."""
    return {"state": "offline", "boot": meter.boot}


def event(meter, entry):
    """One event of the ring: (n, when, code, ch, a, b); ch 0 is the board."""
    n, when, code, ch, a, b = entry
    t = unix_or_0(when)
    return {"n": n, "t": t, "boot": meter.boot, "code": code, "ch": ch, "a": a, "b": b}

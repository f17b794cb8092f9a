"""What the meter tells, as dicts ready for JSON: integers, units in the keys.

`t` is Unix seconds, 0 while the clock is not trusted.
"""

import json

from micropython import const

import umeter

EPOCH_OFFSET_S = const(1_577_836_800)  # 2020-01-01T00:00:00Z, where `when` begins, in Unix seconds

# By machine.reset_cause() of the ESP32.
_CAUSES = const(("unknown", "power", "hard", "watchdog", "deep sleep", "soft"))


def encode(report):
    """The bytes of a report on the wire."""
    return json.dumps(report, separators=(",", ":")).encode()


def report(what, *args):
    """The bytes of a report: will, status, settings, reading or event of the meter in args."""
    if what == "reading":
        from umeter.net.reading import reading

        return encode(reading(*args))
    return encode(globals()[what](*args))


def settings(meter):
    """All settings by key, channels' own values, and the version."""
    return meter.settings.to_dict()


def unix_or_0(when):
    """Unix seconds of a `when`; 0 stays 0, not trusted."""
    return when + EPOCH_OFFSET_S if when else 0


def status(meter, clock, about):
    """The retained `online`. about: {"version", "board", "digest", "tls", "warn"}, what the
    program knows of itself.
    """
    report = {"state": "online", "boot": meter.boot, "channels": len(meter.channels)}
    report["clock"] = int(clock.when != 0)
    report["cause"] = _CAUSES[meter.cause] if meter.cause < len(_CAUSES) else "unknown"
    report["release"] = umeter.RELEASE
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

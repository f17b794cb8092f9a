"""A look into the running app, for tests and demo: the firmware knows nothing of it."""

import struct

app = None  # what umeter.app.build() gave


def meter():
    """The meter's own figures, as integers."""
    m = app.meter
    return {
        "boot": m.boot,
        "ticks": m.ticks,
        "worst_gap_ms": m.worst_gap_ms,
        "window": _newest_number(m.journal.get("n")),
        "channels": [_channel(c) for c in m.channels],
    }


def _newest_number(window):
    """The highest number in a journalled replay window: its bytes 1 to 4."""
    return struct.unpack_from("<I", window, 1)[0] if window else 0


def _channel(c):
    account = c.account
    return {
        "wh": c.register.wh,
        "residual": c.register.residual,
        "credited_total_u": account.credited_total_u,
        "charged_total_u": account.charged_total_u,
        "balance_u": account.balance_u,
        "claims": c.claims,
        "contact": bool(c.contact),
    }

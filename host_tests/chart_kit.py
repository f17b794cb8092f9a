"""Load profiles for the tests of charts and of the portal."""

from umeter_station.models import intervals


def put(conn, rows, meter="m1"):
    """(when it ended, minutes, Wh of channel 1, whether that was estimated), numbered in order."""
    values = [
        {"meter": meter, "n": n, "raw": bytes(32), "t_end": t_end, "minutes": minutes}
        | {"flags": 0, "quarantined": 0, "estimated": int(estimated), "received_at": t_end}
        | {f"wh_{ch}": wh if ch == 1 else 0 for ch in range(1, 9)}
        for n, (t_end, minutes, wh, estimated) in enumerate(rows, start=1)
    ]
    if values:
        conn.execute(intervals.insert(), values)


def quarters(from_s, count, wh=100):
    return [(from_s + 900 * (i + 1), 15, wh, False) for i in range(count)]

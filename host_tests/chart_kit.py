"""Load profiles for the tests of charts and of the portal, and what is drawn of them."""

import json
from zoneinfo import ZoneInfo

from umeter_station.models import intervals
from umeter_station.models import meters as meters_table
from umeter_station.web.charts import figures
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.figures import Asked

BERLIN = ZoneInfo("Europe/Berlin")
DAY_S = 86_400


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


def report(conn, **told):
    """What the meters say that they are set to."""
    values = {"settings": json.dumps(told), "channels": 8}
    conn.execute(meters_table.update().values(values))


def drawn(conn, from_s, until_s, where=BERLIN, kind="energy", step="", now_s=None, **source):
    asked = Asked((Source("m1", 1, **source),), from_s, until_s, kind, step)
    return figures.columns(conn, asked, where, now_s or until_s)

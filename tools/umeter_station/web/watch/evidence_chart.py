"""The chart that shows what a rule saw: power, voltage or energy around the time that it began."""

from datetime import tzinfo

from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.watch.findings import Finding
from umeter_station.watch.profile import setup
from umeter_station.web.charts import figures
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.figures import Asked, Figure

_HOUR_S = 3600
_DAY_S = 86_400
# By rule: what to draw. Others judge words, orders and money, of which there is no curve.
_ENERGY = frozenset(("A03", "A04", "A09", "A10", "A11", "A13"))
_VOLTAGE = frozenset(("A07", "A18"))
_POWER = frozenset(("A01", "A02", "A05", "A06", "A08", "A12", "A16", "A17", "A19"))


def of(conn: Connection, found: Finding, where: tzinfo, now_s: int) -> Figure | None:
    """None if there is nothing to draw."""
    kind = _kind(found.rule)
    known = meters.find(conn, found.meter) if found.meter else None
    if kind is None or known is None:
        return None
    before_s, after_s = (7 * _DAY_S, 2 * _DAY_S) if kind == "energy" else (6 * _HOUR_S, _DAY_S)
    from_s, until_s = found.since_s - before_s, min(now_s, found.since_s + after_s)
    if not 0 <= from_s < until_s:
        return None
    # What is about a whole meter is seen best where all of its energy comes in.
    ch = found.ch or setup(known.settings, known.channels).inlet_ch or 1
    step = "hour" if kind == "energy" else ""
    asked = Asked((Source(found.meter, ch),), from_s, until_s, kind, step)
    return figures.figure(conn, asked, where, now_s)


def _kind(rule: str) -> str | None:
    kinds = {"energy": _ENERGY, "voltage": _VOLTAGE, "power": _POWER}
    return next((kind for kind, rules in kinds.items() if rule in rules), None)

"""What meters send in vain, counted per meter and hour: the ingest adds, a rule reads."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models_watch import meter_traffic
from umeter_station.sql import insert

_HOUR_S = 3600
_KEEP_S = 7 * 86_400
_t = meter_traffic.c


def add(conn: Connection, vain: Mapping[str, tuple[int, int]], now_s: int) -> None:
    """By meter: messages that were here already, and those its token bucket held up. Inside the
    caller's transaction, which may run beside others like it."""
    hour_s = now_s - now_s % _HOUR_S
    for meter, (repeated, held) in sorted(vain.items()):
        conn.execute(
            insert(conn, meter_traffic)
            .values(meter=meter, hour_s=hour_s, repeated=repeated, held=held)
            .on_conflict_do_update(
                index_elements=["meter", "hour_s"],
                set_={"repeated": _t.repeated + repeated, "held": _t.held + held},
            )
        )


def lately(conn: Connection, now_s: int) -> dict[str, int]:
    """By meter: what was sent in vain in this hour and the last."""
    query = (
        sa.select(_t.meter, sa.func.sum(_t.repeated + _t.held))
        .where(_t.hour_s > now_s - 2 * _HOUR_S)
        .group_by(_t.meter)
    )
    return {meter: int(count) for meter, count in conn.execute(query)}


def sweep(conn: Connection, now_s: int) -> None:
    conn.execute(sa.delete(meter_traffic).where(_t.hour_s < now_s - _KEEP_S))

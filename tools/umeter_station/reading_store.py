"""Readings into the database: one row each, and one row per meter for its newest.

What comes twice changes nothing. The statements are written out, one text for each database, and
run for many rows at once: to have them made anew for every message is what would take the time.
"""

from collections.abc import Iterable, Sequence
from operator import lt

from sqlalchemy import Connection

from umeter_station import packing
from umeter_station.db import count
from umeter_station.messages import Reading
from umeter_station.watch import traffic

_COLUMNS = "meter, boot, seq, t, clock, up_s, event, received_at, packed"
_NAMES = tuple(_COLUMNS.split(", "))
_MARKS = ", ".join("?" * len(_NAMES))
_INSERT = f"INSERT INTO readings ({_COLUMNS}) VALUES ({_MARKS}) ON CONFLICT DO NOTHING"
# A newer one of the same meter may have been stored by another worker meanwhile.
_NEWEST = (
    f"INSERT INTO latest_readings ({_COLUMNS}) VALUES ({_MARKS}) ON CONFLICT (meter) DO UPDATE SET"
    f" {', '.join(f'{name} = excluded.{name}' for name in _NAMES[1:])}"
    " WHERE (excluded.boot, excluded.seq) > (latest_readings.boot, latest_readings.seq)"
)
_LARGEST = (
    "INSERT INTO channels (meter, ch, credited_total_u, charged_total_u) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (meter, ch) DO UPDATE SET"
    " credited_total_u = {0}(channels.credited_total_u, excluded.credited_total_u),"
    " charged_total_u = {0}(channels.charged_total_u, excluded.charged_total_u)"
)
Row = tuple[str, int, int, int, int, int, int, int, bytes]
Total = tuple[str, int, int, int]  # meter, ch, credited_total_u, charged_total_u


def row_of(meter: str, reading: Reading, now_s: int) -> Row:
    return (
        meter,
        reading.boot,
        reading.seq,
        reading.t,
        reading.clock,
        reading.up_s,
        reading.event,
        now_s,
        reading.packed,
    )


def insert(conn: Connection, rows: Sequence[Row]) -> int:
    """Store readings; returns how many of them were not here yet."""
    return conn.exec_driver_sql(_for(conn, _INSERT), rows).rowcount


def keep_newest(conn: Connection, rows: Iterable[Row]) -> None:
    """`rows`: readings of different meters, each perhaps its meter's newest."""
    # In one order, so that two workers never wait for one another.
    conn.exec_driver_sql(_for(conn, _NEWEST), sorted(rows))


def keep_totals(conn: Connection, totals: Iterable[Total]) -> None:
    """Keep the largest: the totals only grow, so a smaller one is merely older."""
    largest = "greatest" if conn.dialect.name == "postgresql" else "max"
    conn.exec_driver_sql(_for(conn, _LARGEST.format(largest)), sorted(totals))


def new_totals(meter: str, reading: Reading, before: bytes | None) -> list[Total]:
    """What has to be kept beside the newest reading, which is to replace `before`: credit that has
    changed, and totals that it would make smaller."""
    now = (reading.credited_u, reading.charged_u)
    if before is None:
        return _totals(meter, *now)
    charged_u = packing.charged_if_same_credit(before, reading.packed)
    if charged_u is not None and not any(map(lt, reading.charged_u, charged_u)):
        return []
    was = packing.totals(before)
    kept = [] if list(was[0]) == now[0] else _totals(meter, *now)
    if any(map(lt, now[0], was[0])) or any(map(lt, now[1], was[1])) or len(now[0]) < len(was[0]):
        kept += _totals(meter, *was)
    return kept


def _totals(meter: str, credited_u: Iterable[int], charged_u: Iterable[int]) -> list[Total]:
    both = zip(credited_u, charged_u, strict=True)
    return [(meter, ch, *totals) for ch, totals in enumerate(both, start=1)]


def store(conn: Connection, meter: str, reading: Reading, now_s: int) -> bool:
    """Store one, inside the caller's transaction; False if it was here already."""
    row = row_of(meter, reading, now_s)
    if insert(conn, [row]) != 1:
        count(conn, "reading.repeated")
        traffic.add(conn, {meter: (1, 0)}, now_s)
        return False
    count(conn, "reading.stored")
    before = conn.exec_driver_sql(
        _for(conn, "SELECT packed FROM latest_readings WHERE meter = ?"), (meter,)
    ).scalar()
    totals = new_totals(meter, reading, before)
    if totals:
        keep_totals(conn, totals)
    keep_newest(conn, [row])
    if not reading.is_balanced:
        count(conn, "reading.unbalanced")
    return True


def _for(conn: Connection, statement: str) -> str:
    return statement.replace("?", "%s") if conn.dialect.name == "postgresql" else statement

"""The plain readings of a batch, in a few statements for all of them.

Nearly all that arrives is a reading that changes nothing but what was read: of a meter that is
known and there, in the same boot, with a good clock, whose logs are pulled as far as it has them.
Those are stored here. Everything else, and every reading that is more than that, goes to the
inbox, one by one. So does what is here already: there it is counted.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import messages, orders, pulling, reading_store, sql
from umeter_station.db import Database
from umeter_station.messages import Reading
from umeter_station.models_updates import updates
from umeter_station.update import OPEN

_KNOWN = (
    "SELECT m.meter, m.presence, m.boot, m.channels, n.boot, n.seq, n.packed FROM meters m"
    " LEFT JOIN latest_readings n ON n.meter = m.meter WHERE m.meter"
)
_RESTS_S = 600  # other processes may know better by then
_LOOK_S = 5
_MOST_KNOWN = 500_000


@dataclass(slots=True)
class _Known:
    presence: str
    boot: int
    channels: int
    newest: tuple[int, int] | None
    packed: bytes | None


class FastLane:
    """`tolerance_s`: how far a meter's clock may be off. Used by one thread."""

    def __init__(self, db: Database, tolerance_s: int) -> None:
        self._db = db
        self._tolerance_s = tolerance_s
        # By meter: the newest event and interval of which nothing is to be asked, and until when
        # that is believed.
        self._rests: dict[str, tuple[int, int, int]] = {}
        self._updating: set[str] = set()
        self._looked_at: int | None = None

    def store(
        self, parsed: list[tuple[str, Reading]], now_s: int, is_behind: bool = False
    ) -> tuple[list[int], set[str]]:
        """Store the plain ones, in a transaction of its own. Returns the places in the list of
        those that are not plain, and the meters that this station does not have."""
        if not parsed:
            return [], set()
        with self._db.append() as conn:
            self._look(conn, parsed, now_s)
            known = _known(conn, {meter for meter, _ in parsed})
            plain: list[reading_store.Row] = []
            newest: dict[str, reading_store.Row] = {}
            totals: list[reading_store.Total] = []
            counts: Counter[str] = Counter()
            rest = []
            for place, (meter, reading) in enumerate(parsed):
                its = known.get(meter)
                if its is None or not self._is_plain(meter, its, reading, now_s, is_behind):
                    rest.append(place)
                    continue
                row = reading_store.row_of(meter, reading, now_s)
                totals += reading_store.new_totals(meter, reading, its.packed)
                its.newest, its.packed = (reading.boot, reading.seq), reading.packed
                plain.append(row)
                newest[meter] = row
                if not reading.is_balanced:
                    counts["reading.unbalanced"] += 1
            if plain:
                stored = reading_store.insert(conn, plain)
                counts["reading.stored"] += stored
                # By another worker, a moment ago.
                counts["reading.repeated"] += len(plain) - stored
                reading_store.keep_newest(conn, newest.values())
            if totals:
                reading_store.keep_totals(conn, totals)
            add_counts(conn, counts)
        return rest, {meter for meter, _ in parsed}.difference(known)

    def _is_plain(
        self, meter: str, its: _Known, reading: Reading, now_s: int, is_behind: bool
    ) -> bool:
        if (
            its.presence != "online"
            or its.boot != reading.boot
            or its.channels != reading.count
            or its.newest is None
            or (reading.boot, reading.seq) <= its.newest
            or orders.is_clock_wrong(reading, now_s, self._tolerance_s, is_behind)
            or meter in self._updating
        ):
            return False
        return reading.interval is None or self._is_at_rest(meter, reading, now_s)

    def _is_at_rest(self, meter: str, reading: Reading, now_s: int) -> bool:
        event, interval, until_s = self._rests.get(meter, (-2, -2, 0))
        return (event, interval) == (reading.event, reading.interval) and now_s < until_s

    def _look(self, conn: Connection, parsed: list[tuple[str, Reading]], now_s: int) -> None:
        """Learn what may have changed."""
        if self._looked_at is None or not 0 <= now_s - self._looked_at < _LOOK_S:
            query = sa.select(updates.c.meter).where(updates.c.state.in_(OPEN)).distinct()
            self._updating = set(conn.execute(query).scalars())
            self._looked_at = now_s
            if len(self._rests) > _MOST_KNOWN:
                self._rests.clear()
        names = {
            meter
            for meter, reading in parsed
            if reading.interval is not None and not self._is_at_rest(meter, reading, now_s)
        }
        if names:
            until_s = now_s + _RESTS_S
            for meter, (event, interval) in pulling.at_rest(conn, names).items():
                self._rests[meter] = (event, interval, until_s)


def _known(conn: Connection, names: Collection[str]) -> dict[str, _Known]:
    return {
        meter: _Known(presence, boot, channels, None if n is None else (n, seq), packed)
        for meter, presence, boot, channels, n, seq, packed in sql.of_names(conn, _KNOWN, names)
    }


def add_counts(conn: Connection, counts: dict[str, int]) -> None:
    """Add to the named counters."""
    rows = sorted((name, number) for name, number in counts.items() if number)
    if rows:
        mark = "%s" if conn.dialect.name == "postgresql" else "?"
        conn.exec_driver_sql(
            f"INSERT INTO counters (name, count) VALUES ({mark}, {mark})"
            " ON CONFLICT (name) DO UPDATE SET count = counters.count + excluded.count",
            rows,
        )


def parsed(payload: bytes) -> Reading:
    """Raises ValueError."""
    return messages.reading(messages.parse_json(payload))

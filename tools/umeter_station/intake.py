"""A batch of messages into the database: plain readings together, all else one by one."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from umeter_station import meters, sql, strangers
from umeter_station.buckets import Buckets
from umeter_station.db import Database
from umeter_station.fast_lane import FastLane, add_counts, parsed
from umeter_station.inbox import Inbox
from umeter_station.messages import Reading
from umeter_station.watch import traffic

_FORGET_S = 3600


class Message(Protocol):
    topic: str
    payload: bytes


class Intake:
    """`burst` and `per_minute`: the readings that a meter may send. Used by one thread."""

    def __init__(
        self, db: Database, tolerance_s: int, burst: int = 240, per_minute: int = 60
    ) -> None:
        self._db = db
        self._inbox = Inbox(tolerance_s)
        self._fast = FastLane(db, tolerance_s)
        self._buckets = Buckets(burst, per_minute)
        self._forget_at = 0

    def store(self, batch: Sequence[Message], now_s: int, is_behind: bool = False) -> set[str]:
        """Store it; returns the meters that have just appeared. Everything is on disk then, and
        whatever is stored twice is as if it were once. `is_behind`: more than a batch waits, so
        that a reading from before need not come from a clock that is slow."""
        readings: list[tuple[str, Reading]] = []
        theirs: list[Message] = []
        others: list[Message] = []
        counts: Counter[str] = Counter()
        held: Counter[str] = Counter()
        for message in batch:
            parts = message.topic.split("/")
            if (
                len(parts) != 4
                or parts[3] != "reading"
                or parts[0] != "umeter"
                or parts[2] != "up"
            ):
                others.append(message)
            elif not self._buckets.take(parts[1], now_s):
                held[parts[1]] += 1
            else:
                try:
                    readings.append((parts[1], parsed(message.payload)))
                except ValueError:
                    counts["message.malformed"] += 1
                else:
                    theirs.append(message)
        rest, unknown = self._fast.store(readings, now_s, is_behind)
        odd = [theirs[place] for place in rest if readings[place][0] not in unknown]
        strange = Counter(m for m, _ in readings if m in unknown and meters.is_name(m))
        counts["reading.too_many"] = held.total()
        counts["message.unknown_meter"] += sum(meter in unknown for meter, _ in readings)
        self._tidy(now_s)
        if not (odd or others or strange or any(counts.values())):
            return set()
        with self._db.write() as conn:
            add_counts(conn, counts)
            _note_held(conn, held, now_s)
            for meter, number in sorted(strange.items()):
                strangers.note(conn, meter, now_s, number)
            return self._inbox.store(conn, others + odd, now_s, is_behind)

    def _tidy(self, now_s: int) -> None:
        if not 0 <= self._forget_at - now_s <= _FORGET_S:
            self._forget_at = now_s + _FORGET_S
            self._buckets.forget_full(now_s)


def _note_held(conn: Connection, held: Counter[str], now_s: int) -> None:
    """Of meters that this station has: anybody can make up names."""
    known = sql.of_names(conn, "SELECT meter FROM meters WHERE meter", held) if held else ()
    traffic.add(conn, {meter: (0, held[meter]) for (meter,) in known}, now_s)

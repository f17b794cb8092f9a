"""How a station's database grows: some hours of a few meters through its own ingest, weighed.

Assumed of a meter: a reading a minute, a load profile of 15 minutes, and EVENTS_A_DAY. The station
keeps all of it for ever, as it came: nothing here is thinned or swept, and neither are the orders
that the logs are pulled with. What is weighed is the database with its indexes, before and after
each kind of rows. `bytes_per_meter_year` is what a year of them adds on SQLite.
"""

import base64
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from umeter_sim import log_records, postgres, traffic
from umeter_sim.ingest_rig import plain_table
from umeter_sim.paths import BUILD
from umeter_station import db as databases
from umeter_station import envelope, history, messages, meters
from umeter_station.db import Database
from umeter_station.inbox import Message
from umeter_station.intake import Intake
from umeter_station.migrations import partitions
from umeter_station.outbox import Outbox
from umeter_station.secrets import Safe

METERS = 4
EVENTS_A_DAY = 10
_REPORT_S = 60
_PROFILE_S = 900
_DAY_S = 86_400
_YEAR_DAYS = 365
_NOW_S = 1_800_000_000
_KEY = bytes(range(32))
_CODES = (("contact.open", 8), ("contact.close", 9))


class Part(NamedTuple):
    """One kind of rows on one engine: how many a day and meter, bytes and seconds of a processor
    of each."""

    engine: str
    what: str
    a_day: int
    bytes_each: float
    cpu_s_each: float

    @property
    def bytes_a_year(self) -> int:
        return round(self.a_day * self.bytes_each * _YEAR_DAYS)


@dataclass
class _Clock:
    unix_s: int = _NOW_S
    tolerance_s: int = _PROFILE_S  # readings come in batches here

    def now_s(self) -> int:
        return self.unix_s


class _Taken:
    def is_published(self) -> bool:
        return True


@dataclass
class _Meter:
    """Its logs, and what it answers when they are asked for."""

    number: int
    logs: dict[str, list[bytes]] = field(default_factory=lambda: {"events": [], "profile": []})

    @property
    def name(self) -> str:
        return traffic.name(self.number)

    def topic(self, kind: str) -> str:
        return f"umeter/{self.name}/up/{kind}"

    def reading(self, seq: int, t: int) -> bytes:
        newest = (len(self.logs[kind]) for kind in ("events", "profile"))
        return traffic.payload(self.number, seq, t, *newest)

    def close_interval(self, t_end: int) -> None:
        log = self.logs["profile"]
        wh = [10 * ch + len(log) % 7 for ch in range(traffic.CHANNELS)]
        log.append(log_records.interval_raw(len(log) + 1, wh, t_end))

    def tell_event(self, t: int) -> Message:
        log = self.logs["events"]
        n, (code, number) = len(log) + 1, _CODES[len(log) % len(_CODES)]
        previous = hashlib.sha256(log[-1]).digest() if log else bytes(32)
        log.append(log_records.audit_raw(n, previous, t, ch=3, code=number))
        document = {"n": n, "boot": traffic.BOOT, "t": t, "code": code, "ch": 3, "a": 0, "b": 0}
        return Message(self.topic("event"), json.dumps(document).encode())

    def answer(self, token: bytes) -> Message:
        order = json.loads(envelope.verify(_KEY, token))
        log, first = self.logs[order["what"]], order["from"]
        given = log[first - 1 :][: order["count"]]
        told = {key: order[key] for key in ("n", "op", "what", "from")}
        told |= {"code": "applied", "oldest": min(1, len(log)), "newest": len(log)}
        told |= {"records": base64.b64encode(b"".join(given)).decode(), "boot": traffic.BOOT}
        document = told | {"next": first + len(given)}
        return Message(self.topic("result"), envelope.sign(_KEY, json.dumps(document).encode()))


class _Site:
    """A station and its few meters; each step is one kind of rows, so many for each."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._clock = _Clock()
        self._intake = Intake(db, self._clock.tolerance_s, burst=1_000)
        self._sent: list[Message] = []
        self._outbox = Outbox(db, self._clock, self._publish)
        self._meters = {traffic.name(n): _Meter(n) for n in range(METERS)}
        db.unlock(Safe(_KEY))
        with db.write() as conn:
            partitions.ensure(conn, _NOW_S)
            for name in self._meters:
                meters.add(conn, name, _KEY, _NOW_S)
        # What is made once for each meter is no growth.
        self._read(0, 1)
        self.profile(1)
        self.events(1)

    def readings(self, count: int) -> None:
        together = _PROFILE_S // _REPORT_S
        for first in range(1, count + 1, together):
            self._read(first, together)

    def profile(self, count: int) -> None:
        for _ in range(count):
            self._clock.unix_s += _PROFILE_S
            for meter in self._meters.values():
                meter.close_interval(self._clock.unix_s)
            self._pull()

    def events(self, count: int) -> None:
        for _ in range(count):
            self._clock.unix_s += _DAY_S // EVENTS_A_DAY
            told = [meter.tell_event(self._clock.unix_s) for meter in self._meters.values()]
            self._intake.store(told, self._clock.unix_s)
            self._pull()

    def _read(self, first: int, count: int) -> None:
        self._clock.unix_s += count * _REPORT_S
        batch = [
            Message(meter.topic("reading"), meter.reading(seq, self._clock.unix_s))
            for seq in range(first, first + count)
            for meter in self._meters.values()
        ]
        self._intake.store(batch, self._clock.unix_s)

    def _pull(self) -> None:
        """What the next reading of each meter brings about, without that reading."""
        now_s = self._clock.unix_s
        with self._db.write() as conn:
            for meter in self._meters.values():
                told = messages.reading(messages.parse_json(meter.reading(1, now_s)))
                history.note_reading(conn, meter.name, told, now_s)
        while self._outbox.step():
            self._outbox.step()  # notes that they are delivered
            answers, self._sent = self._sent, []
            self._intake.store(answers, now_s)

    def _publish(self, topic: str, token: bytes, _qos: int) -> _Taken:
        self._sent.append(self._meters[topic.split("/")[1]].answer(token))
        return _Taken()


def measure() -> list[Part]:
    """On SQLite and, where it is installed, on PostgreSQL."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
        found = list(_parts("SQLite", folder / "station.sqlite", _sqlite_bytes))
        if postgres.installed():
            server = postgres.Postgres()
            stack.callback(server.close)
            server.start()
            url = server.create("umeter_size")
            found += _parts(postgres.version(), url, _postgresql_bytes)
    return found


def _parts(engine: str, where: Path | str, weigh: Callable[[Database], int]) -> Iterator[Part]:
    db = databases.open_database(where)
    try:
        site = _Site(db)
        for what, a_day, count, step in (
            ("readings", _DAY_S // _REPORT_S, 1_440, site.readings),
            ("intervals and orders", _DAY_S // _PROFILE_S, 32, site.profile),
            ("events and orders", EVENTS_A_DAY, 10, site.events),
        ):
            before, begun_s = weigh(db), time.process_time()
            step(count)
            used_s = time.process_time() - begun_s
            rows = count * METERS
            yield Part(engine, what, a_day, (weigh(db) - before) / rows, used_s / rows)
    finally:
        db.close()


def _sqlite_bytes(db: Database) -> int:
    db.checkpoint()
    return db.path.stat().st_size


def _postgresql_bytes(db: Database) -> int:
    with db.read() as conn:
        return conn.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()


def figures(parts: list[Part]) -> dict[str, int]:
    return {"bytes_per_meter_year": sum(_of(parts, parts[0].engine))}


def _of(parts: list[Part], engine: str) -> list[int]:
    return [part.bytes_a_year for part in parts if part.engine == engine]


def table(parts: list[Part]) -> Table:
    made = plain_table(
        "what a meter leaves in the database, and what each row costs the ingest",
        *("rows", "a day", "bytes each", "CPU ms", "MB a year", "database"),
    )
    for part in parts:
        made.add_row(
            part.what,
            str(part.a_day),
            f"{part.bytes_each:.0f}",
            f"{1000 * part.cpu_s_each:.2f}",
            f"{part.bytes_a_year / 1e6:.1f}",
            part.engine,
        )
    for engine in dict.fromkeys(part.engine for part in parts):
        made.add_row("all", "", "", "", f"{sum(_of(parts, engine)) / 1e6:.1f}", engine)
    return made

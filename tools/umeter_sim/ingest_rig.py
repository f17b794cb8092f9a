"""What an ingest is measured with: a Mosquitto, the database of a fleet, and eyes beside both."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from rich import box
from rich.table import Table

from umeter_sim import traffic
from umeter_sim.ingest_workers import KEY, Worker
from umeter_sim.mosquitto import Mosquitto
from umeter_station import broker_config, messages, reading_store, secrets
from umeter_station import db as databases
from umeter_station.broker import unused_port
from umeter_station.db import Database
from umeter_station.secrets import Safe

CLIENT = "umeter-station"
LOOK_S = 0.02
TIMEOUT_S = 90.0
_QUIET_S = 0.3
_TICKS = os.sysconf("SC_CLK_TCK")
_AT_ONCE = 10_000


def broker(folder: Path) -> Mosquitto:
    """With what counts of the configuration that the station makes, and room for a backlog: what
    a subscriber loses because it is slow is to be its own doing."""
    made = broker_config.contents(folder, {}, local_port=None, data=folder)["mosquitto.conf"]
    kept = [line for line in made.splitlines() if line.startswith(("persist", "max_inflight"))]
    port = unused_port("127.0.0.1")
    lines = [*kept, "allow_anonymous true", "set_tcp_nodelay true", "max_queued_messages 0"]
    lines += ["log_dest stderr", f"listener {port} 127.0.0.1"]
    if os.geteuid() == 0:
        lines.insert(0, "user root")
    return Mosquitto(folder, port, config="\n".join(lines) + "\n")


def fill(db: Database, meters: int, now_s: int) -> None:
    """Meters that have reported once, and whose logs are pulled."""
    packed = []
    for kind in range(traffic.KINDS):
        document = messages.parse_json(traffic.payload(kind, 0, now_s))
        packed.append(messages.reading(document).packed)
    with db.write() as conn:
        for first in range(0, meters, _AT_ONCE):
            numbers = range(first, min(meters, first + _AT_ONCE))
            names = [traffic.name(number) for number in numbers]
            conn.exec_driver_sql(
                "INSERT INTO meters (meter, key, added_at, presence, boot, seen_at, channels)"
                f" VALUES (?, ?, {now_s}, 'online', {traffic.BOOT}, {now_s}, {traffic.CHANNELS})",
                [(name, secrets.seal(conn, name, KEY)) for name in names],
            )
            conn.exec_driver_sql(
                "INSERT INTO histories (meter, kind) VALUES (?, ?)",
                [(name, kind) for name in names for kind in ("events", "profile")],
            )
            reading_store.keep_newest(
                conn,
                [
                    (name, traffic.BOOT, 0, now_s, 1, 0, 0, now_s, packed[number % traffic.KINDS])
                    for number, name in zip(numbers, names, strict=True)
                ],
            )


class Stored:
    """How many readings an SQLite database has, from beside: the number of the last row."""

    def __init__(self, path: Path) -> None:
        self._conn = sqlite3.connect(path)

    @property
    def value(self) -> int:
        return self._conn.execute("SELECT max(rowid) FROM readings").fetchone()[0] or 0

    def close(self) -> None:
        self._conn.close()


def _cpu_s(pid: int) -> float:
    """Of a process that is not ours to ask."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Rig:
    """All that there is but who takes in. `path`: the database of a fleet of so many meters."""

    def __init__(self, folder: Path, meters: int) -> None:
        self.path = folder / "station.sqlite"
        db = databases.open_database(self.path)
        db.unlock(Safe(KEY))
        fill(db, meters, int(time.time()))
        db.close()
        self._broker = broker(folder)
        self._broker.start()
        self.url = self._broker.url
        self.stored = Stored(self.path)
        self._sender = Worker(traffic.Sender, self._broker.host, self._broker.port)
        self._seq = 1

    def close(self) -> None:
        self._sender.close()
        self.stored.close()
        self._broker.stop()

    def send(self, meters: int, count: int, rate: float | None) -> None:
        """Readings that nobody has sent yet, of the fleet's first meters; see Sender."""
        self._sender.tell("send", meters, self._seq, count, rate)
        self._seq += 1 + count // meters

    def sent(self) -> traffic.Sent:
        """When all are."""
        return self._sender.hear()

    def broker_cpu_s(self) -> float:
        return _cpu_s(self._broker.pid)

    def left_over(self) -> int:
        """How many messages the broker still holds for the session of who took in, which is over
        now: none, if all were acknowledged."""
        time.sleep(_QUIET_S)  # the last acknowledgements are on their way
        came: list[Any] = []
        for clean in (False, True):
            client = mqtt.Client(
                mqtt.CallbackAPIVersion.VERSION2, client_id=CLIENT, clean_session=clean
            )
            client.on_message = lambda *message: came.append(message)
            client.connect(self._broker.host, self._broker.port)
            client.loop_start()
            time.sleep(_QUIET_S)
            client.disconnect()
            client.loop_stop()
        return len(came)


def plain_table(title: str, *columns: str) -> Table:
    made = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in made.columns[1:]:
        column.justify = "right"
    return made

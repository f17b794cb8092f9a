"""How long the map of 500 channels takes, next to the same page with none.

The real server answers, uvicorn on this machine's loopback, over a connection that stays open; a
page is there when its last byte is. Between two requests some boards report, as they do all the
time, so that what the server may remember is partly out of date.
"""

import http.client
import json
import random
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from umeter_station import config, meters
from umeter_station.inbox import Inbox, Message
from umeter_station.ops.role_web import WebRole
from umeter_station.people import accounts, sessions, sites, tenants
from umeter_station.station import Books
from umeter_station.watch import findings

BOARDS, CHANNELS = 50, 10
REPORTS = 5  # boards between two requests: more than a report each minute makes
ROUNDS = 60
_WARM_UP = 5
_KEY = bytes(range(32))
_BY = "system"


def tiles_500() -> dict[str, float]:
    """Medians of ROUNDS requests each, which take turns."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        config.create_home(home, "mqtt://127.0.0.1:1")
        with (home / "config.toml").open("a") as file:
            file.write("\n[web]\nport = 0\n")
        with closing(Books(home)) as books:
            site, role = _Site(books), WebRole(books)
            address = urlsplit(role.start().rpartition(" ")[2])
            try:
                return _measured(site, http.client.HTTPConnection(address.hostname, address.port))
            finally:
                role.stop(5.0)


def _measured(site: "_Site", connection: http.client.HTTPConnection) -> dict[str, float]:
    paths = {"full": "/console/meters", "empty": f"/console/meters?site={site.empty_id}"}
    took_ms: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(_WARM_UP + ROUNDS):
        site.report()
        for name, path in paths.items():
            began = time.perf_counter()
            tiles = _tiles(connection, path, site.token)
            if number >= _WARM_UP:
                took_ms[name].append((time.perf_counter() - began) * 1000)
            if tiles != (BOARDS * CHANNELS if name == "full" else 0):
                raise RuntimeError(f"{path} shows {tiles} tiles")
            # Within the limit that the server has for each caller.
            time.sleep(0.03)
    full, empty = (statistics.median(took_ms[name]) for name in paths)
    return {
        "console_tiles_500_ms": round(full, 1),
        "console_tiles_500_ratio": round(full / empty, 1),
    }


def _tiles(connection: http.client.HTTPConnection, path: str, token: str) -> int:
    connection.request("GET", path, headers={"Cookie": f"umeter={token}"})
    return connection.getresponse().read().count(b'class="tile ')


class _Site:
    """A house full of boards, and one without any; whoever looks is an owner."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._random = random.Random(1)
        self._names = [f"board-{number:02}" for number in range(BOARDS)]
        self._seq = 0
        now_s = books.clock.now_s()
        with books.db.write() as conn:
            full = sites.add(conn, "Full", "", _BY, now_s)
            self.empty_id = sites.add(conn, "Empty", "", _BY, now_s).id
            for name in self._names:
                meters.add(conn, name, _KEY, now_s)
                sites.put_meter(conn, full.id, name, _BY, now_s)
                for ch in range(1, CHANNELS + 1):
                    tenant_id = tenants.add(conn, f"Tenant {ch} of {name}", _BY, now_s)
                    tenants.move_in(conn, tenant_id, name, ch, now_s, _BY, now_s)
            for name in self._names[::7]:
                findings.note(conn, "A06", name, 3, {"moved_wh": 5}, "critical", now_s)
            person = accounts.add(conn, "owner", "owner", "", _BY, now_s)
            self.token = sessions.start(conn, person.id, "owner", "", "", now_s)
        self._send(self._names)

    def report(self) -> None:
        self._send(self._random.sample(self._names, REPORTS))

    def _send(self, names: list[str]) -> None:
        self._seq += 1
        now_s = self._books.clock.now_s()
        batch = [
            Message(f"umeter/{name}/up/reading", json.dumps(self._reading(now_s)).encode())
            for name in names
        ]
        with self._books.db.write() as conn:
            Inbox(10).store(conn, batch, now_s)

    def _reading(self, now_s: int) -> dict[str, object]:
        some = self._random.randrange
        charged = [1_000_000 + some(100_000_000) for _ in range(CHANNELS)]
        balance = [some(-1_000_000, 90_000_000) for _ in range(CHANNELS)]
        is_out = [1 if amount_u <= 0 else 0 for amount_u in balance]
        return {
            **{"boot": 1, "seq": self._seq, "t": now_s, "clock": 1, "up_s": 9, "event": 0},
            "energy_wh": [some(5_000_000) for _ in range(CHANNELS)],
            "power_dw": [some(30_000) for _ in range(CHANNELS)],
            "voltage_dv": [2300 + some(50) for _ in range(CHANNELS)],
            "current_ma": [some(13_000) for _ in range(CHANNELS)],
            "credited_total_u": [c + b for c, b in zip(charged, balance, strict=True)],
            "charged_total_u": charged,
            "balance_u": balance,
            "contact": [1 - out for out in is_out],
            "claims": [2 * out for out in is_out],
            "age_s": [0] * CHANNELS,
        }

"""The demo's station with its past, its pages, and the boards that live on in MicroPython."""

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from umeter_sim.board_api import BoardError, SimBoard, open_board
from umeter_sim.demo_houses import DAYS, HOUSES, House
from umeter_sim.demo_past import Past, past
from umeter_sim.mosquitto import any_broker
from umeter_sim.past_board import INLET, OWN_DW
from umeter_station.broker import unused_port
from umeter_station.config import Config, set_broker
from umeter_station.ops import log
from umeter_station.ops.role_jobs import JobsRole
from umeter_station.ops.role_web import WebRole
from umeter_station.station import Station
from umeter_station.watch import engine

LIVE = tuple(house for house in HOUSES if not house.ends_s)
TAP_DW = 11_500
_LOADS = ("household", "kiosk", "fridge", "office", "household", "kiosk", "office", "household")
_HOST = "127.0.0.1"
_STOP_S = 5.0
_PATIENCE_S = 60.0


class DemoScene:
    """`address` of the pages, `station`, `broker`, `sims` (the live boards by meter). Its time is
    the real one. What it keeps lies in `workdir`: the past, for the next time, and one life.

    say(what is being done). live: which houses have a running board. `begun_s`: real seconds that
    the start took.
    """

    def __init__(
        self,
        workdir: Path,
        say: Callable[[str], None] = lambda doing: None,
        days: int = DAYS,
        live: tuple[House, ...] = LIVE,
    ) -> None:
        began_s = time.monotonic()
        self._stack = contextlib.ExitStack()
        made = past(workdir / "past", say, days)
        say("broker, station and boards")
        self.home = workdir / "station"
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(made.home, self.home)
        with self._stack:
            self.broker = any_broker()
            self._stack.callback(self.broker.stop)
            self.broker.start()
            # One thread beside this one: building the firmware is not for two at a time.
            with ThreadPoolExecutor(max_workers=1) as pool:
                opening = [pool.submit(self._open, house, made, workdir) for house in live]
                self._start_station(workdir)
                boards = [each.result() for each in opening]
            self.sims = dict(zip((house.meter for house in live), boards, strict=True))
            for house in live:
                if house.inlet:
                    self._stack.enter_context(_Inlet(self.sims[house.meter]))
            for sim in self.sims.values():
                sim.start()
            self._stack.enter_context(_Jobs(self.station, list(self.sims)))
            self._stack = self._stack.pop_all()
        self.begun_s = time.monotonic() - began_s

    def __enter__(self) -> "DemoScene":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def _open(self, house: House, made: Past, workdir: Path) -> SimBoard:
        flash, units, key = made.boards[house.meter]
        site = {
            "meter": house.meter,
            "key": key.hex(),
            "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
            "broker": {"host": self.broker.host, "port": self.broker.port},
            "plain_tcp": True,
        }
        loads: list[int | str | list[str]] = list(_LOADS)
        if house.inlet:
            loads[INLET - 1] = OWN_DW
        sim = open_board(
            site=site,
            workdir=workdir / house.meter,
            seed=house.seed,
            speed=1,
            net_speed=1,
            start_unix=int(time.time()),
            loads=loads,
            flash=flash,
            drawn=units,
        )
        self._stack.callback(sim.close)
        return sim

    def _start_station(self, workdir: Path) -> None:
        port = unused_port(_HOST)
        self.address = f"http://{_HOST}:{port}"
        with (self.home / "config.toml").open("a") as file:
            file.write(f'\n[web]\nhost = "{_HOST}"\nport = {port}\nbase_url = "{self.address}"\n')
        set_broker(self.home, self.broker.url)
        self.station = Station(self.home, self.broker.url)
        self._stack.callback(self.station.close)
        said = self._stack.enter_context((workdir / "station.log").open("w"))
        self._stack.enter_context(_own_log(self.station.config, said))
        self.station.start(connect_timeout_s=60)
        web = WebRole(self.station)
        web.start()
        self._stack.callback(web.stop, _STOP_S)


@contextlib.contextmanager
def _own_log(config: Config, said: IO[str]) -> Iterator[None]:
    """What this process logs goes to the station's file, until the station is over."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log.set_up(config, said)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


class _Jobs:
    """The station's periodic work, as soon as the boards have spoken: the time between their past
    and now was nobody's fault.
    """

    def __init__(self, station: Station, meters: list[str]) -> None:
        self._station = station
        self._meters = meters
        self._role = JobsRole(station)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._begin, daemon=True)

    def __enter__(self) -> "_Jobs":
        self._began = self._station.clock.now_s()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _begin(self) -> None:
        end_s = time.monotonic() + _PATIENCE_S
        while not self._all_spoke() and time.monotonic() < end_s:
            if self._over.wait(0.2):
                return
        seen = engine.Look(self._station.clock.now_s(), [], 0, (), (), 0)
        with self._station.db.write() as conn:
            engine.write(conn, seen)
        self._role.start()
        self._over.wait()
        self._role.stop(_STOP_S)

    def _all_spoke(self) -> bool:
        told = [self._station.latest_reading(meter) for meter in self._meters]
        return all(each and each.clock and each.t >= self._began for each in told)


class _Inlet:
    """What the inlet's channel measures: all others, the board itself, and whoever has a cable of
    his own. A thread looks once a second.
    """

    def __init__(self, sim: SimBoard) -> None:
        self._sim = sim
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "_Inlet":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(1.0):
            try:
                channels = self._sim.ask("truth")["channels"]
                power_dw = sum(each["power_dw"] for each in channels[: INLET - 1])
                self._sim.ask("load", ch=INLET, want=power_dw + OWN_DW + TAP_DW)
            except BoardError:
                pass  # without power it measures nothing

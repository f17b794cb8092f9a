"""A whole umeter: broker, station, and one simulated board that starts without power. The broker
is Mosquitto where that is installed, else the embedded one.
"""

import secrets
import time
from pathlib import Path

from umeter_sim.board_api import open_board
from umeter_sim.mosquitto import any_broker
from umeter_station.clock import FileClock
from umeter_station.config import create_home
from umeter_station.station import Station

REPOSITORY = Path(__file__).resolve().parents[2]
METER = "demo"
PRICE_U_PER_KWH = 250_000


class Scene:
    """`broker`, `station`, `sim` (the board). Everything they keep lies in `workdir`, which
    must be empty or new.
    """

    def __init__(
        self,
        workdir,
        runtime="micropython",
        seed=1,
        speed=60,
        board="sim8",
        loads=None,
        broker=None,
    ):
        self.broker = broker or any_broker()
        self.broker.start()
        key = secrets.token_bytes(32)
        self.site = {
            "meter": METER,
            "key": key.hex(),
            "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
            **self.site_broker(),
        }
        self.sim = open_board(
            runtime=runtime,
            board_dir=REPOSITORY / "boards" / board,  # an absolute path stays itself
            site=self.site,
            seed=seed,
            speed=speed,
            workdir=workdir / "board",
            loads=loads,
        )
        self.home = workdir / "station"
        create_home(self.home, self.broker.url, clock=str(self.sim.clock_file))
        self.station = Station(self.home, self.broker.url, FileClock(self.sim.clock_file))
        self.station.add_meter(METER, key)
        self.station.start(connect_timeout_s=60)

    def site_broker(self):
        """The broker's part of the board's site.json."""
        return {
            "broker": {"host": self.broker.host, "port": self.broker.port},
            "plain_tcp": True,
        }

    def close(self):
        self.sim.close()
        self.station.close()
        self.broker.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def meter(self):
        """The meter's own view of itself, from inside the firmware."""
        return self.sim.ask("meter")

    def channel(self, ch):
        return self.meter()["channels"][ch - 1]

    def truth(self):
        """The site's view: what the loads really drew."""
        return self.sim.ask("truth")

    def ordered(self, command_id, timeout_s=90):
        """The order's final state; raises TimeoutError if the meter does not answer in time
        (real seconds).
        """
        command = self.station.wait_result(command_id, timeout_s)
        if command.is_open:
            raise TimeoutError(
                "the meter has not answered order %d in %d s" % (command_id, timeout_s)
            )
        return command

    def sell(self, ch, amount_u):
        """Sell and wait for the meter's answer."""
        return self.ordered(self.station.sell(METER, ch, amount_u).command_id)


def wait_until(condition, what, timeout_s=90):
    """The condition's first true value. TimeoutError says what was waited for."""
    end_s = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end_s:
            raise TimeoutError("waited %d s for %s" % (timeout_s, what))
        time.sleep(0.02)

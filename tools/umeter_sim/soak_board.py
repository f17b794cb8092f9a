"""A board for long runs: the firmware as its own composition root makes it, on plain CPython over
the thinnest of chips, with no network. Time passes in strides of any length while the firmware
sleeps.

Its front ends are the site's meters themselves instead of their bytes on a wire; all the rest of
the firmware is what runs on a board, its loop and its flash access included.
"""

import calendar
import json
import random
import time
import types
from pathlib import Path

from umeter_sim.nor import SECTOR, Nor
from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.reference_site import USERS, Meters
from umeter_sim.runtimes.namespace import Namespace

SECTORS = 64
TICKS_END = 1 << 30  # ticks_ms() wraps here: after 12.4 days
RTC_AT_POWER_UP = calendar.timegm((2000, 1, 1, 0, 0, 0))
P_MAX_DW = 250_000
SITE = {
    "meter": "soak",
    "key": "11" * 32,
    "wifi": [{"ssid": "none", "password": "nobody there"}],
    "broker": {"host": "127.0.0.1", "port": 1},
    "plain_tcp": True,
}


class SoakBoard:
    """The board and its site between power cuts. unix: where its world begins, UTC. site: what
    load_site() gives the firmware.

    `flash` has a Nor by partition label. `units` is the true energy of each user, 0.1 W x ms.
    """

    def __init__(self, unix, site=SITE):
        self.site = site
        self.flash = {"journal": Nor(SECTORS), "log": Nor(SECTORS)}
        self.units = [0] * USERS
        self.unix_ms = unix * 1000
        self.ticks = 0
        self.wraps = 0  # of the ticks
        self.boots = 0
        self.stride_ms = 0  # a sleep lasts until the next multiple of it, if it is not 0
        self.orders = 0
        self._rtc_less_ms = 0
        self.app = None

    def power_up(self):
        """Boot. What the firmware printed is in `said`."""
        self.ticks = random.Random(self.boots).randrange(1000)
        self._rtc_less_ms = RTC_AT_POWER_UP * 1000 - self.unix_ms
        self.boots += 1
        self.said = []
        modules = {name: self._module(name) for name in ("machine", "esp32", "network", "time")}
        modules["random"] = _module("random", randrange=random.Random(self.boots).randrange)
        modules["select"] = _module("select", POLLIN=1, poll=_SilentPort)
        modules["socket"] = _module("socket", SOCK_STREAM=1)
        modules["umqtt"] = _module("umqtt", __path__="")
        modules["umqtt.simple"] = modules["umqtt"].simple = _module("umqtt.simple")
        self._firmware = Namespace([SHIMS, FIRMWARE], modules, Path(), self.said.append)
        fake_board = _module("umeter.hal.board", load=self._board, load_site=lambda: self.site)
        self._firmware.load("umeter.hal").board = fake_board
        self._firmware.modules[fake_board.__name__] = fake_board
        self.app = self._firmware.load("umeter.app").build()
        self.meter = self.app.meter

    def step(self, ms):
        """Turns of the firmware's loop until so much has passed."""
        end_ms = self.unix_ms + ms
        while self.unix_ms < end_ms:
            self.app.step()

    def draw(self, ms):
        """The loads draw, and the board sees nothing of it."""
        self.meters.draw(ms, self.meter.channels)
        self.unix_ms += ms

    def order(self, **order):
        """Have the firmware carry out an order: its answer. RuntimeError if it is refused."""
        answer = self.answer(**order)
        if answer["code"] != "applied":
            raise RuntimeError(f"order {order} was not applied: {answer}")
        return answer

    def answer(self, **order):
        """What the firmware answers to an order."""
        self.orders += 1
        carry_out = self._firmware.load("umeter.net.orders").carry_out
        text = json.dumps({"n": self.orders, **order}).encode()
        return carry_out(text, types.SimpleNamespace(meter=self.meter, clock=self.app._clock))

    def set_clock(self):
        self.order(op="time", t=self.unix_ms // 1000, boot=self.meter.boot)

    def _sleep(self, ms):
        if self.stride_ms:
            ms = max(ms, self.stride_ms - self.unix_ms % self.stride_ms)
        self.draw(ms)
        self.ticks += ms
        if self.ticks >= TICKS_END:
            self.ticks -= TICKS_END
            self.wraps += 1

    def _board(self, part):
        pzem = part("frontend.pzem")
        samples = [pzem.sample({}) for _ in self.units]
        self.meters = Meters(samples, self.units)
        return types.SimpleNamespace(
            name="soak",
            relays=types.SimpleNamespace(set=lambda index, closed: None),
            samples=samples,
            p_max_dw=[P_MAX_DW] * len(samples),
            buses=[self.meters],
            power_fail=None,
            devices=[],
        )

    def _module(self, name):
        return _module(name, **getattr(self, "_names_of_" + name)())

    def _names_of_time(self):
        return {
            "ticks_ms": lambda: self.ticks,
            "ticks_diff": _ticks_diff,
            "ticks_add": lambda ticks, ms: (ticks + ms) & (TICKS_END - 1),
            "sleep_ms": self._sleep,
            "time": lambda: (self.unix_ms + self._rtc_less_ms) // 1000,
            "mktime": lambda fields: calendar.timegm(fields[:6]),
            "gmtime": lambda seconds: tuple(time.gmtime(seconds))[:8],
        }

    def _names_of_machine(self):
        def datetime(fields):
            year, month, day, _, hour, minute, second, _ = fields
            unix = calendar.timegm((year, month, day, hour, minute, second))
            self._rtc_less_ms = unix * 1000 - self.unix_ms

        rtc = types.SimpleNamespace(datetime=datetime, memory=lambda data=None: b"")
        return {
            "RTC": lambda: rtc,
            "WDT": lambda timeout: types.SimpleNamespace(feed=lambda: None),
            "reset": None,
            "reset_cause": lambda: 1,
            "PWRON_RESET": 1,
            "HARD_RESET": 2,
            "WDT_RESET": 3,
            "DEEPSLEEP_RESET": 4,
            "SOFT_RESET": 5,
        }

    def _names_of_esp32(self):
        return {"Partition": lambda label: _Partition(self.flash[label])}

    def _names_of_network(self):
        return {"STA_IF": 0, "WLAN": _NoWlan}


class _Partition:
    """esp32.Partition as umeter.hal.flash uses it."""

    def __init__(self, nor):
        self._nor = nor

    def readblocks(self, block, buf, offset):
        self._nor.read(block * SECTOR + offset, buf)

    def writeblocks(self, block, buf, offset):
        self._nor.program(block * SECTOR + offset, buf)

    def ioctl(self, op, arg):
        if op == 6:
            self._nor.erase(arg * SECTOR)
        return self._nor.size // SECTOR if op == 4 else 0


class _NoWlan:
    def __init__(self, interface):
        pass

    def active(self, on):
        pass

    def isconnected(self):
        return False

    def connect(self, ssid, password):
        pass

    def disconnect(self):
        pass


class _SilentPort:
    """A poll of the serial port, at which nobody types."""

    def register(self, port, mask):
        pass

    def ipoll(self, timeout_ms):
        return ()


def _module(name, **names):
    module = types.ModuleType(name)
    vars(module).update(names)
    return module


def _ticks_diff(later, earlier):
    half = TICKS_END // 2
    return (later - earlier + half) % TICKS_END - half


class _Console:
    """A serial line on which nobody types."""

    def register(self, stream, events):
        pass

    def ipoll(self, timeout_ms):
        return ()

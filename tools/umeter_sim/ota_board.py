"""A board with two slots, as far as an update concerns it: boot.py, the orders and the judgement
of a trial are the firmware's own, its filesystem is a real littlefs, its journal a dict.
"""

import json
import types
from base64 import b64encode
from pathlib import Path

from umeter_deploy.bundle import make
from umeter_sim.ota_flash import Files, Flash
from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

BOARD = "sim8"
CHUNK_BYTES = 900
_TRIAL_S = 180


class Restarted(BaseException):
    """The firmware has called machine.reset()."""


class _OnFiles(Namespace):
    """`files`: the filesystem of the board that runs now."""

    files = None

    def _open(self, path, mode="r", *_):
        return self.files.open(path, mode)

    def _os_module(self):
        module = types.ModuleType("os")
        for name in ("listdir", "mkdir", "remove", "rmdir", "rename", "stat"):
            setattr(module, name, lambda *args, name=name: getattr(self.files, name)(*args))
        return module

    def boot(self):
        """Run boot.py: the folder that it chooses."""
        self.modules["sys"].path = []
        code = compile((FIRMWARE / "boot.py").read_bytes(), "boot.py", "exec")
        exec(code, {"__builtins__": self._builtins, "__name__": "boot"})
        return self.modules["sys"].path[0]


def _reset():
    raise Restarted


def _machine():
    machine = types.ModuleType("machine")
    machine.Pin = None
    machine.reset = _reset
    return machine


_given = {"machine": _machine(), "time": types.ModuleType("time")}
firmware = _OnFiles([SHIMS, FIRMWARE], _given, Path(), lambda text: None)
_umeter = firmware.load("umeter")
_orders = firmware.load("umeter.net.orders")
_slots = firmware.load("umeter.hal.slots")
_journal = firmware.load("umeter.core.journal").FORMAT * 100
JOURNAL = _journal + firmware.load("umeter.core.channel_record").FORMAT


class Release:
    """Software: `number`, `files` {path: bytes}, `manifest`, and the arguments of its `offer`."""

    def __init__(self, number, files, board=BOARD, journal=JOURNAL):
        self.number = number
        self.files = files
        bundle = make(number, "0", board, journal, files)
        self.manifest = bundle.manifest
        self.offer = {
            "release": number,
            "board": board,
            "manifest": bundle.name,
            "size": len(bundle.manifest),
            "file": len(files),
        }

    def part(self, file, at):
        """What a chunk brings of one of its files."""
        whole = self.manifest if file == 0 else list(self.files.values())[file - 1]
        return whole[at : at + CHUNK_BYTES]


class Board:
    """One power-up after the other on the same flash; `journal` is what it has committed."""

    def __init__(self, releases, cells=None, journal=None, sent=0):
        """releases: what may be on it. sent: the number of the last order."""
        self.releases = releases
        self.flash = Flash(cells)
        self.flash.witness = lambda: self.journal
        self.journal = journal or {}
        self.sent = sent
        self.events = []
        self.turns = 0

    def install(self, release, slot="a"):
        files = Files(self.flash)
        for path, data in release.files.items():
            files.write(f"{slot}/{path}", data)

    def boot(self):
        """Power on: the release that runs, None if the folder chosen has not all of one."""
        self.files = firmware.files = Files(self.flash)
        self.slot = firmware.boot()
        self.runs = next((r for r in self.releases if self._has(r)), None)
        if self.runs is not None:
            _umeter.__path__ = self.slot + "/umeter"
            _umeter.RELEASE = self.runs.number
            self.meter = _Meter(self)
            self.commands = types.SimpleNamespace(
                meter=self.meter,
                clock=types.SimpleNamespace(when=0),
                session=types.SimpleNamespace(
                    about={"board": BOARD},
                    socket=types.SimpleNamespace(turn=self._turn),
                    sessions=1,
                ),
                name="m1",
            )
            self.lived(1)
        return self.runs

    def order(self, **order):
        """Carry out an order with the next number: the answer."""
        firmware.files = self.files
        self.sent += 1
        order = {"n": self.sent, **order}
        return _orders.carry_out(json.dumps(order).encode(), self.commands)

    def chunk(self, release, file, at):
        data = b64encode(release.part(file, at)).decode()
        return self.order(op="chunk", file=file, at=at, data=data)

    def fetch(self, release):
        """Offer a release and bring what is wanted, until nothing is: the last answer."""
        answer = self.order(op="update", do="offer", **release.offer)
        while answer.get("want"):
            if answer.get("kept"):
                answer = self.order(op="update", do="keep", file=answer["want"][0])
            else:
                answer = self.chunk(release, *answer["want"])
        return answer

    def switch(self, release):
        return self.order(op="update", do="switch", release=release.number)

    def lived(self, up_s):
        """So long after the boot the app has slots.py look. Restarted if that says so."""
        firmware.files = self.files
        self.meter.up_s = up_s
        if 0 < self.meter.look_s <= up_s:
            session = self.commands.session
            _slots.look(types.SimpleNamespace(meter=self.meter, session=session))

    def update(self, release):
        """All of it, with the restart in the middle, as a station and time would have it. What is
        on trial now is first kept. Restarted if that comes of it.
        """
        self._live_on()
        if self.runs is release or self.fetch(release)["code"] != "applied":
            return
        if self.switch(release)["code"] == "applied":
            try:
                self.lived(self.meter.up_s + 2)
            except Restarted:
                self.boot()
                self._live_on()

    def _live_on(self):
        for up_s in (_TRIAL_S - 1, _TRIAL_S):
            self.lived(up_s)

    def is_good(self, release):
        """Does it run for good?"""
        word = self.files.read("slot")
        return self.runs is release and word == f"{self.slot} good".encode()

    def _has(self, release):
        read = self.files.read
        return all(read(f"{self.slot}/{p}") == data for p, data in release.files.items())

    def _turn(self):
        self.turns += 1


class _Meter:
    """What the orders need of one."""

    def __init__(self, board):
        self._board = board
        self.channels = []
        self.later = {}
        self.boot = 1
        self.up_s = 0
        self.look_s = 1
        self.worst_gap_ms = 100
        self.hot = None
        self.events = types.SimpleNamespace(put=self._put)

    def get(self, key):
        return self.later.get(key) or self._board.journal.get(key)

    def commit(self, extra=None):
        self._board.journal = {**self._board.journal, **self.later, **(extra or {})}
        self.later.clear()

    def event(self, code, ch=0, a=0, b=0):
        self._put(0, code, ch, a, b)

    def _put(self, when, code, ch=0, a=0, b=0):
        self._board.events.append((code, a, b))

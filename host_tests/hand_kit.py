"""A board's local hand on CPython: real buttons' rhythm, real accounts, a simulated display."""

from pathlib import Path

from umeter_sim.paths import BOARD_SIDE, FIRMWARE, SHIMS, SSD1306
from umeter_sim.runtimes.namespace import Namespace

KIT = Path(__file__).parent / "micropython" / "scripts" / "kit"
DARK = {"select": 0, "act": 4}  # a hand without a display


class Panel:
    """`scenes`: what hand_scenes makes; polled each 100 ms. told: what the meter was told."""

    def __init__(self, users=3, stuck=(), missing=False, **document):
        self.said = []
        folders = [SHIMS, KIT, FIRMWARE, SSD1306, BOARD_SIDE]
        self.modules = Namespace(folders, {}, Path(), self.said.append)
        self.scenes = self.modules.load("hand_scenes")
        for gpio in stuck:
            self.scenes.levels[gpio] = 0
        self.bus = self.scenes.I2C()
        self.bus.display.missing = missing
        self.meter = self.scenes.meter(users)
        self.hand = self.scenes.hand(self.meter, self.scenes.document(users, **document), self.bus)
        self.told = []
        really = self.meter.hand

        def hand(index, long):
            self.told.append((index, "long" if long else "short"))
            really(index, long)

        self.meter.hand = hand

    def poll(self, ms=100, dt_ms=100):
        for _ in range(ms // dt_ms):
            self.hand.poll(dt_ms)

    def press(self, gpio, ms=300):
        self.scenes.levels[gpio] = 0
        self.poll(ms)
        self.scenes.levels[gpio] = 1
        self.poll(300)

    def channel(self, user):
        return self.meter.channels[user]

    def put(self, user, **fields):
        """Change a user's account, and tell of it as a turn would."""
        self.scenes.put(self.meter, self.channel(user), **fields)
        self.meter.event("credit.low", user + 1)

    def book(self, user):
        return self.modules.load("umeter.core.book").Book(self.meter, self.channel(user))

    def screen(self):
        return self.modules.load("umeter.hal.hand_page").screen(self.hand)

    def timeline(self, gpio, ms):
        """The levels of an output, a character for each tick."""
        seen = ""
        for _ in range(ms // 100):
            self.poll()
            seen += "#" if self.scenes.levels[gpio] else "."
        return seen

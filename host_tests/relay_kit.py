"""A simulated board with relays of any kind: its boot.py, its board.json, its relays' driver."""

from pathlib import Path

from simulated_chip import Chip
from umeter_deploy import board_check, files
from umeter_deploy.board_kit import Kit

BOOT = (Path(__file__).resolve().parents[1] / "firmware" / "boot.py").read_text()
MODULES = {"type": "uart", "id": 2, "tx": 32, "rx": 34}
WIRED = {"type": "i2c", "id": 0, "scl": 22, "sda": 21}
TICK_MS = 100


class Meter:
    def __init__(self):
        self.events = []

    def event(self, code, ch=0, a=0, b=0):
        self.events.append((code, ch))


def document(relays, buses=None):
    """A board.json with these relays, a metered channel for each."""
    given = {"name": "relays", "mcu": "esp32", "relays": relays}
    given["buses"] = {"p": MODULES, **(buses or {})}
    modules = [{"frontend": "pzem", "bus": "p", "address": i + 1} for i in range(8)]
    rules = board_check.kind("relay_" + relays["type"])
    count = rules.check(Kit(given), "relays", relays)
    return {**given, "channels": modules[:count]}


class Rig:
    """One power-up. `edges`: (channel, closed) of all moves; `device`: what the relays hang on."""

    def __init__(self, folder, document, state=""):
        self._folder = folder
        self._document = document
        made = files.board_text(document)
        (folder / "board.json").write_text(made)
        self.chip = Chip(root=folder, board=board_check.for_board(document), state=state)
        self.device = self.chip.site.site.relays
        self.edges = self.chip.edges
        self.meter = Meter()
        self.relays = None

    @property
    def closed(self):
        return [place.relay for place in self.chip.site.site.places]

    @property
    def now_ms(self):
        return self.chip.world.world.ticks

    def boot(self):
        """What boot.py does; nothing was told to the console."""
        names = {"__name__": "boot", "__builtins__": self.chip.modules._builtins}
        exec(compile(BOOT, "boot.py", "exec"), names)
        return self

    def start(self):
        """Build the relays as the firmware does."""
        load = self.chip.modules.load
        board = load("umeter.hal.board").load(lambda name: load("umeter." + name))
        self.relays = board.relays
        self.relays.meter = self.meter
        return self

    def run(self, ms):
        """Polls in ticks of 100 ms."""
        for _ in range(ms // TICK_MS):
            self.chip.pass_ms(TICK_MS)
            self.relays.poll(TICK_MS)

    def close(self, *indices):
        for index in indices:
            self.relays.set(index, True)
        return self

    def restarted(self, cause=3):
        """The same board after a reset of the ESP32 alone, before its boot.py."""
        self.chip.control.reset(cause)
        return Rig(self._folder, self._document, self.chip.control.state(0))

    def powered_again(self):
        """The same board after a power cut, before its boot.py."""
        self.chip.control.cut_power()
        return Rig(self._folder, self._document, self.chip.control.state(5000))

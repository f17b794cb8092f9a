"""The simulated board's own files in a namespace, powered up with no firmware running."""

import json
import types
from pathlib import Path

from umeter_sim.paths import BOARD_SIDE, FIRMWARE, SHIMS, SSD1306, UMQTT
from umeter_sim.runtimes.namespace import Namespace

START_UNIX = 1_772_431_200
SITE8 = [{"frontend": "pzem", "bus": "a", "address": i + 1} for i in range(4)] + [
    {"frontend": "s0", "pin": 14, "imp_per_kwh": 1000}
]
POWER_FAIL = {"pin": 35, "active": "low"}
RELAY_PINS = (16, 17, 18, 19, 23)


def board(channels=SITE8, **more):
    """A board.json as the board has it, with these channels and what else it is to have."""
    return {
        "name": "bench",
        "mcu": "esp32",
        "relays": {"type": "gpio", "pins": list(RELAY_PINS), "active": "high"},
        "buses": {"a": {"type": "uart", "id": 1, "tx": 33, "rx": 34}},
        "channels": channels,
        "power_fail": POWER_FAIL,
        **more,
    }


BENCH = board()


class Chip:
    """`chip.machine`, `chip.world`, ... are board-side modules; `edges`: what the host heard."""

    def __init__(self, root=Path(), board=None, loads=(1000,), seed=1, state="", cells=None):
        self.edges = []
        self._cells = {} if cells is None else cells
        host = types.ModuleType("simhost")
        host.watch_clock = lambda age: None
        host.flash_cells = self._flash_cells
        host.edge = lambda channel, closed: self.edges.append((channel, bool(closed)))
        host.wait = lambda ms: ms
        host.typed = lambda: 0
        for name in ("resolve", "tcp_open", "tcp_connect", "tcp_state", "tcp_error"):
            setattr(host, name, lambda *_: 0)
        for name in ("tcp_recv", "tcp_send", "tcp_close", "tls_context", "tls_load", "tls_start"):
            setattr(host, name, lambda *_: -1)
        self.said = []
        folders = [SHIMS, BOARD_SIDE, FIRMWARE, UMQTT, SSD1306]
        self.modules = Namespace(folders, {"simhost": host}, root, self.said.append)
        self.control = self.modules.load("control")
        config = {
            "seed": seed,
            "start_unix": START_UNIX,
            "board": board or BENCH,
            "loads": list(loads),
            "partitions": {"journal": 4 * 4096, "log": 4 * 4096},
        }
        self.control.power_up(json.dumps(config), state)

    def __getattr__(self, name):
        return self.modules.load(name)

    def _flash_cells(self, label, size):
        return self._cells.setdefault(label, bytearray(b"\xff" * size))

    def pass_ms(self, ms):
        self.world.world.advance(ms)

    def ask(self, op, **fields):
        return json.loads(self.control.ask(json.dumps({"op": op, **fields})))

    def truth(self, channel):
        return self.ask("truth")["channels"][channel - 1]

    def close(self, channel):
        machine = self.machine
        return machine.Pin(RELAY_PINS[channel - 1], machine.Pin.OUT, value=1)

"""The simulated board's own files in a namespace, powered up without firmware."""

import json
import types
from pathlib import Path

from umeter_sim.paths import BOARD_SIDE, SHIMS, UMQTT
from umeter_sim.runtimes.namespace import Namespace

START_UNIX = 1_772_431_200
SITE8 = [{"relay": 16 + i, "active_high": True, "uart": 1, "address": i + 1} for i in range(4)] + [
    {"relay": 23, "active_high": False, "pin": 14, "imp_per_kwh": 1000}
]
POWER_FAIL = {"pin": 35, "active_high": False}


class Chip:
    """`chip.machine`, `chip.world`, ... are board-side modules; `edges`: what the host heard."""

    def __init__(self, root=Path(), wiring=None, loads=(1000,), seed=1, state="", cells=None):
        self.edges = []
        self._cells = {} if cells is None else cells
        host = types.ModuleType("simhost")
        host.watch_clock = lambda age: None
        host.flash_cells = self._flash_cells
        host.edge = lambda channel, closed: self.edges.append((channel, bool(closed)))
        host.wait = lambda ms: ms
        for name in ("resolve", "tcp_open", "tcp_connect", "tcp_state", "tcp_error"):
            setattr(host, name, lambda *_: 0)
        for name in ("tcp_recv", "tcp_send", "tcp_close", "tls_context", "tls_load", "tls_start"):
            setattr(host, name, lambda *_: -1)
        self.said = []
        self.modules = Namespace(
            [SHIMS, BOARD_SIDE, UMQTT], {"simhost": host}, root, self.said.append
        )
        self.control = self.modules.load("control")
        config = {
            "seed": seed,
            "start_unix": START_UNIX,
            "channels": wiring or SITE8,
            "loads": list(loads),
            "power_fail": POWER_FAIL,
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
        pin = SITE8[channel - 1]
        machine = self.machine
        return machine.Pin(pin["relay"], machine.Pin.OUT, value=1 if pin["active_high"] else 0)

"""A meter that takes orders: the firmware's core, its logs and its commands in plain memory, as
fast as this machine allows.

What a board imports for a moment only stays here, which changes nothing but the pace.
"""

import types
from pathlib import Path

from umeter_sim.fake_net import VirtualClock
from umeter_sim.nor import Nor
from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

KEY = bytes(range(32))
CHANNELS = 3
TICK_MS = 100
UNIX_OF_2020 = 1_577_836_800

_OF_THE_PORT = ("tls", "ntp")  # need modules that only a board has
firmware = Namespace([SHIMS, FIRMWARE], {}, Path(), print)
for _folder in ("core", "net"):
    for _path in sorted((FIRMWARE / "umeter" / _folder).glob("*.py")):
        if _path.stem not in _OF_THE_PORT:
            firmware.load(f"umeter.{_folder}.{_path.stem}")
firmware.load("umeter.settings_check")

WH = firmware.load("umeter.core.energy").UNITS_PER_WH
CODES = firmware.load("umeter.net.order_kit").CODES.split()
sign = firmware.load("umeter.net.envelope").sign
verify = firmware.load("umeter.net.envelope").verify
_Commands = firmware.load("umeter.net.commands").Commands
_core = firmware.modules["umeter.core"]
_BOOT = 1  # claim until the first reading


class OrderBoard:
    """One boot of a meter on the flash of its journal and that of its logs (new ones by default).

    Its front ends read no use. `tick()` is the app's turn; `state()` what orders can change.
    """

    def __init__(self, flash=None, log=None, clock=None, key=KEY, name=""):
        self.flash = flash or Nor(4)
        self.log = log or Nor(8)
        self.clock = clock or VirtualClock()
        samples = [_core.sample.Sample(WH, 10_000_000, True) for _ in range(CHANNELS)]
        self.channels = [_core.channel.Channel(i, s, 250_000) for i, s in enumerate(samples)]
        relays = types.SimpleNamespace(set=lambda index, closed: None)
        self.meter = _core.meter.Meter(
            [types.SimpleNamespace(poll=self._poll)],
            self.channels,
            _core.supply.Supply(relays, self.channels),
            _core.journal.Journal(self.flash),
            _core.events.Events(32, _core.audit.Audit(self.log, 0, 4)),
            firmware.load("umeter.settings").Settings(CHANNELS),
        )
        self.meter.profile = _core.profile.Profile(self.log, 4, 4)
        self.meter.restore()
        self.commands = _Commands(self.meter, key, self.clock, name)

    def _poll(self, dt_ms):
        for channel in self.channels:
            channel.sample.fresh += 1

    def tick(self):
        """One turn of the meter. RuntimeError if it was lost."""
        ticks = self.meter.ticks
        self.clock.now_ms += TICK_MS
        self.meter.tick(TICK_MS, self.clock.when)
        if self.meter.ticks != ticks + 1:
            raise RuntimeError("a tick was lost")

    def state(self):
        """What orders can change, by whom it concerns: channels by number, "settings", "numbers"
        (consumed), "keys", and what alone is lost with the power: the "clock", "maintenance".
        """
        meter = self.meter
        state = {channel.index + 1: self._of(channel) for channel in self.channels}
        state["settings"] = (meter.settings.version, bytes(meter.settings.text))
        state["numbers"] = meter.get(_core.replay.KEY)
        state["keys"] = meter.get("k")
        state["clock"] = self.clock.when
        state["maintenance"] = meter.maintenance
        return state

    def _of(self, channel):
        account = channel.account
        return (
            account.credited_total_u,
            account.charged_total_u,
            channel.claims & ~_BOOT,
            channel.armed,
            channel.register.wh,
            channel.register.residual,
            channel.quarantined,
            channel.tariff.price_u_per_kwh,
            _core.calibration.values(channel.sample),
            self.meter.get(_core.book.KEYS[channel.index]),
        )

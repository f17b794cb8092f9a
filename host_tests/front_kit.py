"""Front ends against simulated chips, and real channels of the core behind them."""

from pathlib import Path

from umeter.core.channel import NEWS, Channel
from umeter.core.energy import UNITS_PER_WH
from umeter_sim.paths import BOARD_SIDE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

KIT = Path(__file__).parent / "micropython" / "scripts" / "kit"
TICK_MS = 100


class Tuning:
    """What calibration gives a Sample."""

    def __init__(self, gain_ppm=0, offset=0, phase=0, creep_dw=0):
        self.gain_ppm = gain_ppm
        self.offset = offset
        self.phase = phase
        self.creep_dw = creep_dw


def board_side(name):
    """A module of the simulated board, or of the kit for scripts."""
    return Namespace([SHIMS, BOARD_SIDE, KIT], {}, Path(), lambda _: None).load(name)


class Bench:
    """Channels as the board gets them, their chips on one wire, a front end, the core behind it.

    kind: the front end's module. rules: its host rules. groups: the channels of each chip.
    """

    def __init__(self, kind, rules, groups, baud, contact=1):
        self.channels = []
        made = []
        for group in groups:
            given = [{**channel, **rules.derived(channel, {})} for channel in group]
            self.channels += given
            made.append({"bus": {"baud": baud}, "channels": given})
        space = Namespace([SHIMS, BOARD_SIDE, KIT], {}, Path(), lambda _: None)
        name = "chip_" + kind.__name__.rpartition(".")[2]
        self.rig = space.load("chip_rig").Rig(space.load(name).Chip, made, baud)
        self.world, self.wire = self.rig.world, self.rig.wire
        self.chips, self.loads = self.rig.chips, self.rig.loads
        self.meters = [meter for chip in self.chips for meter in chip.meters]
        self.samples = [kind.sample(channel) for channel in self.channels]
        members = list(zip(self.channels, self.samples, strict=True))
        (self.bus,) = kind.attach(self.rig.uart, members)
        self.core = []
        for channel, sample in members:
            one = Channel(len(self.core), sample, channel["max_w"] * 10)
            one.tariff.price_u_per_kwh = 200_000
            one.account.configure(0, 0)
            one.account.credit(10**12)
            one.contact = contact
            self.core.append(one)
        self.news = [0] * len(self.core)
        self.fresh_at = [[] for _ in self.core]
        self._fresh = [0] * len(self.core)

    def run(self, ms, dt_ms=TICK_MS):
        for _ in range(ms // dt_ms):
            self.world.advance(dt_ms)
            self.bus.poll(dt_ms)
            for i, one in enumerate(self.core):
                if one.sample.fresh != self._fresh[i]:
                    self._fresh[i] = one.sample.fresh
                    self.fresh_at[i].append(self.world.ticks)
                one.tick(dt_ms)
                self.news[i] |= one.news
                one.news = 0

    def load(self, power_dw, index=0):
        self.loads[index].set(power_dw)

    def brown_out(self, chip=0):
        """The supply of a chip dips."""
        for meter in self.chips[chip].meters:
            meter.settle()
        self.chips[chip].reset()

    def gap_eu(self, index=0):
        """Booked less drawn, 0.1 W x ms."""
        self.loads[index].settle(self.world.ticks)
        register = self.core[index].register
        return register.wh * UNITS_PER_WH + register.residual - self.loads[index].drawn

    def told(self, index=0):
        """What the channel has told so far."""
        return [code for i, code in enumerate(NEWS) if code and self.news[index] & 2 << i]

    def longest_gap_ms(self, index=0, after=0):
        """The longest time between two readings that ended after the first `after` ms."""
        at = [ms for ms in self.fresh_at[index] if ms >= after]
        return max(b - a for a, b in zip([after, *at], [*at, self.world.ticks], strict=True))

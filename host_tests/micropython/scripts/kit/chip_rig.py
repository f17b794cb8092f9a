"""Simulated metering chips on a simulated wire, without a board: what hangs on one bus, and a
clock that is moved by hand. Runs in both interpreters.
"""

from wire import Wire

_MASK = 0x3FFFFFFF


class Dice:
    """Random numbers, the same in each run."""

    def __init__(self, seed=1):
        self._state = seed

    def below(self, limit):
        self._state = (self._state * 171 + 11) % 30269
        return self._state % limit


class World:
    """Of the simulator's World what chips and wires use, for the 12 days until ticks wrap."""

    def __init__(self):
        self.ticks = 0
        self.random = Dice()
        self._agents = []

    def attach(self, agent):
        self._agents.append(agent)

    def wake(self, agent, at):
        agent.due = at

    def advance(self, ms):
        end = self.ticks + ms
        while self.ticks < end:
            self.ticks = end
            for agent in self._agents:
                if agent.due >= 0:
                    self.ticks = min(self.ticks, agent.due)
            for agent in self._agents:
                if agent.due == self.ticks:
                    agent.due = -1
                    agent.happen(self.ticks)


class Load:
    """A constant load behind a closed contact; `drawn` is the truth, in 0.1 W x ms."""

    def __init__(self, meter, world):
        self.power_dw = 0
        self.apparent = None
        self.closed = True
        self.drawn = 0
        self._meter = meter
        self._world = world
        self._since = 0
        meter.load = self

    def settle(self, now):
        ms = (now - self._since) & _MASK
        self._since = now
        if self.power_dw and ms:
            self.drawn += ms * self.power_dw
            self._meter.add(ms * self.power_dw)

    def set(self, power_dw):
        """Another power from now on."""
        self.settle(self._world.ticks)
        self.power_dw = power_dw


class Uart:
    """machine.UART, as far as front ends use it."""

    def __init__(self, wire, baud):
        self._wire = wire
        wire.open(baud)

    def any(self):
        return self._wire.pending()

    def readinto(self, buffer):
        return self._wire.take(buffer, len(buffer)) or None

    def write(self, data):
        return self._wire.send(data)


class Rig:
    """groups: one for each chip, as the simulator's Chip gets them. `chips`, `loads`, `uart`."""

    def __init__(self, chip_class, groups, baud):
        self.world = World()
        self.chips = [chip_class(self.world, group) for group in groups]
        self.loads = []
        for chip in self.chips:
            for meter in chip.meters:
                self.loads.append(Load(meter, self.world))
        self.wire = Wire(self.world, self.chips)
        self.uart = Uart(self.wire, baud)


class Counter:
    """machine.Counter on a chip that pulses; it may be moved by `shift`, as a wrap does."""

    def __init__(self, chip, shift=0):
        self.chip = chip
        self.shift = shift

    def value(self):
        value = self.chip.pulses_now() + self.shift
        return value - (1 << 30) if value >= 1 << 29 else value

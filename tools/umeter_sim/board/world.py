"""The simulated world as the board lives it: virtual time, things that happen at their time, the
seed, the end.

Time only moves in `World.advance()`, that is while the firmware sleeps or waits; a firmware tick
takes no time and finds nothing changed behind its back. Everything that simulates (loads, module
replies, watchdog) is an agent that advance() calls at its due time, so the calls a driver makes in
its steady tick do not touch the heap.

An agent has `due` (ticks, -1 = nothing pending) and `happen(now)`; it sets its next `due` before
it returns.
"""

from array import array

import simhost
import uctypes
from micropython import const

_MASK = const(0x3FFFFFFF)
_NET_SLICE_MS = const(20)


class BoardDown(BaseException):
    """The board stops executing here, whatever it was doing. Not an Exception: no firmware handler
    may stop it.
    """


class PowerCut(BoardDown):
    """The mains is gone."""


class BoardReset(BoardDown):
    """The chip restarts; the mains stays. `args[0]` is the machine.*_RESET cause."""


class Random:
    """Wichmann-Hill's generator: three small-int congruences, equal in every interpreter, state of
    three numbers.
    """

    def __init__(self, state):
        self._a, self._b, self._c = state

    @classmethod
    def seeded(cls, seed):
        return cls((1 + seed % 30000, 1 + seed // 7 % 30000, 1 + seed // 13 % 30000))

    def below(self, limit):
        """A number in 0 .. limit-1, for a limit up to 30 000."""
        self._a = self._a * 171 % 30269
        self._b = self._b * 172 % 30307
        self._c = self._c * 170 % 30323
        return (self._a + self._b + self._c) % limit

    def state(self):
        return [self._a, self._b, self._c]


class World:
    """Clock, agents and fate of one simulated board between two power-ups."""

    def __init__(self, start_unix, age, random_state):
        self.start_unix = start_unix
        self.age = array("i", age)  # seconds and ms since the world began, over all power cuts
        self.ticks = 0  # milliseconds since power-up, wrapping as the board's own
        self.random = Random(random_state)
        self.down = None
        self._agents = []
        self._next = _MASK >> 1
        simhost.watch_clock(uctypes.addressof(self.age))

    def check(self):
        """Raise again what has stopped the board: nothing may run on after it."""
        if self.down is not None:
            raise self.down

    def stop(self, reason):
        """Stop the board now with a BoardDown; the first reason stays."""
        if self.down is None:
            self.down = reason
        raise self.down

    def attach(self, agent):
        self._agents.append(agent)
        self._plan()

    def wake(self, agent, at):
        """Let the agent happen at these ticks (not in the past)."""
        agent.due = at
        if (at - self.ticks) & _MASK < (self._next - self.ticks) & _MASK:
            self._next = at

    def advance(self, ms):
        """Let `ms` milliseconds pass, with all that happens in them."""
        self.check()
        while True:
            step = (self._next - self.ticks) & _MASK
            if step > ms:
                break
            self._move(step)
            ms -= step
            self._happen()
            self.check()
        self._move(ms)

    def wait_network(self, ms):
        """Let up to `ms` pass while the firmware waits for the network; the host says how much
        really did.
        """
        if ms > _NET_SLICE_MS:
            ms = _NET_SLICE_MS
        self.advance(simhost.wait(ms))

    def elapsed_ms(self):
        """Age of the world in ms (a big number: for the host, not for a tick)."""
        return self.age[0] * 1000 + self.age[1]

    def unix_ms(self):
        return self.start_unix * 1000 + self.elapsed_ms()

    def pass_by(self, ms):
        """Time that passes while the board has no power: nothing happens in it."""
        total = self.age[1] + ms
        self.age[0] += total // 1000
        self.age[1] = total % 1000

    def _move(self, ms):
        age = self.age
        self.ticks = (self.ticks + ms) & _MASK
        ms += age[1]
        while ms >= 1000:
            ms -= 1000
            age[0] += 1
        age[1] = ms

    def _happen(self):
        now = self.ticks
        for agent in self._agents:
            if agent.due == now:
                agent.due = -1
                agent.happen(now)
        self._plan()

    def _plan(self):
        now = self.ticks
        best = _MASK >> 1
        for agent in self._agents:
            if agent.due >= 0:
                ahead = (agent.due - now) & _MASK
                if ahead < best:
                    best = ahead
        self._next = (now + best) & _MASK


class Alarm:
    """An agent that stops the board at its time: the watchdog, or a power cut on order."""

    def __init__(self, world, reason):
        self.due = -1
        self._world = world
        self._reason = reason
        world.attach(self)

    def set(self, after_ms):
        self._world.wake(self, (self._world.ticks + after_ms) & _MASK)

    def happen(self, now):
        self._world.stop(self._reason)


world = None  # the one world of this interpreter, made by control.power_up()

"""Finds the moment a load is switched on, and how resistive that load is.

Resident where the settings ban loads, and only there. Nothing in it allocates.
"""

from micropython import const

_READINGS = const(4)  # that agree make a level: one or two may have been averaged over the step
_MEMORY = const(8)  # readings in the mean of a level
_CLEAN = const(2)  # one reading was averaged over the step, the other is the new level
_SHARE = const(3)  # errors of gain hide the power factor of less than a third of what ran before
_POWER_END = const(0x3FFFF)  # 26 kW in 0.1 W, more than any front end measures
_VOLTAGE_END = const(0xFFF)  # 0.1 V; times _POWER_END as mA it is a small int
_SQUARE_END = const(0x3FFF)  # two squares of it are a small int


def _root(square):
    """Whole square root of a small int."""
    root = 0
    bit = 0x10000000
    while bit:
        root += bit
        if square >= root:
            square -= root
            root += bit
        else:
            root -= bit
        root >>= 1
        bit >>= 2
    return root


class Steps:
    """Watches one channel for steps between two levels of power.

    min_dw, pf: what `look` is to tell of, in 0.1 W and per mille. Then step_dw and step_pf are
    the load that was switched on; not clean if something else may have been switched with it.
    """

    def __init__(self):
        self.min_dw = 0
        self.pf = 0
        self.step_dw = 0
        self.step_pf = 0
        self.clean = 0
        self.forget()

    def forget(self):
        """Nothing runs: the contact is open. What comes with its closing is a step from there."""
        self._level = self._beside = 0  # active and apparent power of the last level, 0.1 W
        self._moves = 0  # readings since then that did not agree
        self._count = 0  # readings in the sums of what may become the next
        self._power = 0
        self._apparent = 0

    def look(self, sample):
        """Take a fresh reading. True if it makes clear that a load of at least min_dw and pf was
        switched on.
        """
        power = max(0, min(sample.power_dw, _POWER_END))
        volts = min(sample.voltage_dv, _VOLTAGE_END)
        apparent = min(sample.current_ma, _POWER_END) * volts // 1000
        count = self._count
        mean = self._power // max(1, count)
        off = abs(power - mean) - 50 - (mean >> 5)  # beyond a noise of 5 W and 3 %
        if off > 0:
            self._moves += 1
            if power < self._level:  # what goes off just before is no part of the step
                self._level = power
                self._beside = apparent
        # An eighth of what is looked for may come and go, too.
        if not count or off > self.min_dw >> 3:
            self._count = 1
            self._power = power
            self._apparent = apparent
            return False
        if count == _MEMORY:
            self._power -= mean
            self._apparent -= self._apparent // count
        else:
            count += 1
            self._count = count
        self._power += power
        self._apparent += apparent
        if count < _READINGS:
            return False
        power = self._power // count
        apparent = self._apparent // count
        seen = count == _READINGS and self._judge(power, apparent)
        if off <= 0:
            self._level = power
            self._beside = apparent
            self._moves = 0
        return seen

    def _judge(self, power, apparent):
        """Idle powers of different kinds add up as squares, and so do a motor's and a computer's.
        Those of one kind add up to more: then the step passes for less resistive than it is.
        """
        step = power - self._level
        if step < self.min_dw or step * _SHARE < self._level:
            return False
        self.step_dw = step
        self.clean = self._moves <= _CLEAN
        shift = 0
        while max(power, apparent, self._beside) >> shift > _SQUARE_END:
            shift += 1
        power >>= shift
        apparent >>= shift
        level = self._level >> shift
        beside = self._beside >> shift
        idle = (apparent - power) * (apparent + power)
        if self.clean:  # else all of it may be the step's
            idle -= (beside - level) * (beside + level)
        step >>= shift
        self.step_pf = step * 1000 // max(1, _root(step * step + abs(idle)))
        return self.step_pf >= self.pf

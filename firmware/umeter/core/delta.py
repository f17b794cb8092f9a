"""Judges a chip's register against the last one that was believed.

Registers that reset, wrap, jump or read all-ones are the common failure of metering chips: what a
load cannot have drawn in the time is not booked. It is not dropped in silence either: the amount
goes into an event.
"""

from micropython import const

OK = const(0)
FIRST = const(1)  # nothing to compare with: the count is taken as it is
QUARANTINE_RESET = const(2)  # it went back, and two readings agree on it
QUARANTINE_JUMP = const(4)  # it ran ahead of what is possible, and two readings agree on it
SUSPECT = const(8)  # implausible; the next reading decides
ALL_ONES = const(16)  # no count at all: a dead bus reads like this

NOT_ACCEPTED = const(24)  # SUSPECT | ALL_ONES

_MAX_COUNT = const(0x3FFFFFFF)
_NONE = const(-1)


class Delta:
    """Differences of one register. p_max_dw: the most a channel can draw, 0.1 W, up to 25 kW."""

    def __init__(self, sample, p_max_dw):
        self._sample = sample
        self.p_max_dw = p_max_dw
        self._bound_dw = p_max_dw * 105 // 100  # chips and mains are allowed 5 %
        self.last = _NONE  # the believed count, -1 before the first
        self._suspect = _NONE
        self._suspect_ms = 0
        self.counts = 0  # to book after this verdict
        self.refused_counts = 0  # not booked; negative when the register went back

    def judge(self, count, elapsed_ms):
        """Verdict on a reading taken at most `elapsed_ms` after the one last believed.

        A quarantine books only what was counted between the two readings that agree. Does not
        allocate while `elapsed_ms` is below 4 s.
        """
        self.counts = 0
        if not 0 <= count <= _MAX_COUNT or 0 < self._sample.modulus <= count:
            return ALL_ONES
        last = self.last
        verdict = FIRST
        if last >= 0:
            verdict = OK
            counts = self._plausible(last, count, elapsed_ms)
            if counts < 0:
                suspect = self._suspect
                if suspect >= 0:
                    counts = self._plausible(suspect, count, elapsed_ms - self._suspect_ms)
                if counts < 0:
                    self._suspect = count
                    self._suspect_ms = elapsed_ms
                    return SUSPECT
                self.refused_counts = suspect - last
                verdict = QUARANTINE_JUMP if suspect > last else QUARANTINE_RESET
            self.counts = counts
        self.last = count
        self._suspect = _NONE
        return verdict

    def _plausible(self, earlier, later, elapsed_ms):
        """Counts between two readings if a load can have drawn them, else -1."""
        sample = self._sample
        counts = later - earlier
        if counts < 0:
            counts += sample.modulus
        # One count more: both readings are rounded down.
        if 0 <= counts <= elapsed_ms * self._bound_dw // sample.units_per_count + 1:
            return counts
        return -1

"""Steps, with the heap locked: what it sees in readings of any size."""

import json

import micropython

from umeter.core.sample import Sample
from umeter.core.steps import Steps

_LEVELS = 300


def _watch(steps, sample, levels, seen):
    """Each level is read five times. Writes step and power factor of what is seen into `seen`."""
    at = 0
    for level in levels:
        sample.power_dw = level[0]
        sample.current_ma = level[1]
        sample.voltage_dv = level[2]
        for _ in range(5):
            if steps.look(sample):
                seen[at] = steps.step_dw
                seen[at + 1] = steps.step_pf
                at += 2
    steps.forget()
    return at


def run(_):
    """JSON: (step in 0.1 W, power factor in per mille) of all that was seen."""
    state = 1
    levels = [(0x3FFFF, 0x3FFFF, 0xFFF), (0, 0, 0), (-5000, 0xFFFFFF, 0xFFFF)]
    for i in range(_LEVELS):
        state = (state * 171 + 11) % 30269
        power_dw = state % (25 if i % 3 else 26_000) * 10
        # Between a power factor of 1 and one of 0.5.
        levels.append((power_dw, power_dw * 1000 // 2300 * (100 + state % 7 * 16) // 100, 2300))
    seen = [0] * (2 * len(levels))
    steps = Steps()
    steps.min_dw = 300
    steps.pf = 600
    sample = Sample(36_000_000, 0, True)
    micropython.heap_lock()
    try:
        count = _watch(steps, sample, levels, seen)
    finally:
        micropython.heap_unlock()
    return json.dumps(seen[:count])

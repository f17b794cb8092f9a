"""What metering chips and their wires do to a meter: each trap sprung on each front end, and the
energy that was then booked and not drawn, or drawn and not booked without a word.
"""

from collections.abc import Callable
from typing import Any

from umeter_sim.front_boards import BOARDS
from umeter_sim.front_rig import TICK_MS, UNITS_PER_WH, FrontRig

LOADS_DW = (500, 3000, 10_000, 30_000)
_BEFORE_MS = 60_000
_AFTER_MS = 60_000
Trap = Callable[[FrontRig], None]


def _fault(kind: str, value: Any, ms: int, rest: Any) -> Trap:
    """All channels have this fault for so long."""

    def spring(rig: FrontRig) -> None:
        for channel in rig.channels:
            rig.fault(kind, channel.index + 1, value)
        rig.run(ms)
        for channel in rig.channels:
            rig.fault(kind, channel.index + 1, rest)

    return spring


def _brown_out(rig: FrontRig) -> None:
    for channel in rig.channels:
        rig.fault("brownout", channel.index + 1)


def _brown_outs(rig: FrontRig) -> None:
    for _ in range(5):
        _brown_out(rig)
        rig.run(2300)


def _swap(register_wh: int) -> Trap:
    def spring(rig: FrontRig) -> None:
        for channel in rig.channels:
            rig.fault("swapped", channel.index + 1, register_wh)

    return spring


def _pause(ms: int) -> Trap:
    """Nobody polls: a flash that erases, a tick that is late."""
    return lambda rig: rig.run(ms, ms)


_PULSES = ("s0", "hlw8012")  # nothing on a wire that could be lost or garbled
# Name: (what is done, the kinds it makes no sense for).
TRAPS: dict[str, tuple[Trap, tuple[str, ...]]] = {
    "every reply lost for 20 s": (_fault("lost", -1, 20_000, 0), _PULSES),
    "every reply garbled for 20 s": (_fault("garbled", -1, 20_000, 0), _PULSES),
    "three replies garbled": (_fault("garbled", 3, 5000, 0), _PULSES),
    "dead for two minutes": (_fault("dead", True, 120_000, False), _PULSES),
    "the chip browns out": (_brown_out, ("pzem", *_PULSES)),
    "the chip browns out five times": (_brown_outs, ("pzem", *_PULSES)),
    "another module, register ahead": (_swap(5_000_000), ("*", "pzem")),
    "another module, register behind": (_swap(0), ("*", "pzem")),
    "a tick 3 s late": (_pause(3000), ()),
    "a tick 20 s late": (_pause(20_000), ()),
}


def applies(name: str, kind: str) -> bool:
    """Can this happen to this kind? A list that begins with a star names those it can."""
    kinds = TRAPS[name][1]
    return kind in kinds if "*" in kinds else kind not in kinds


def spring(name: str, kind: str, seed: int = 1) -> tuple[float, float]:
    """(Wh booked that nobody drew, Wh drawn and neither booked nor told), the worst channel. What
    a count's rounding hides is none of both.
    """
    document, _ = BOARDS[kind]
    rig = FrontRig(document, list(LOADS_DW), seed)
    rig.run(_BEFORE_MS)
    TRAPS[name][0](rig)
    rig.run(_AFTER_MS)
    invented = lost = 0
    for index, sample in enumerate(rig.samples):
        more = rig.booked(index) - rig.drawn(index)
        # A count is rounded down in the chip and once more in the register, and a reading may be
        # a second old.
        fair = 2 * sample.units_per_count + LOADS_DW[index % len(LOADS_DW)] * 1000
        invented = max(invented, more - fair)
        if not rig.said(index):
            lost = max(lost, -more - fair)
    return max(0, invented) / UNITS_PER_WH, max(0, lost) / UNITS_PER_WH


def run(progress: Callable[[str], Any] = lambda text: None) -> dict[str, float]:
    """{"frontend_trap_wh": the sum over all traps of what was booked or lost wrongly}."""
    wrong = 0.0
    for kind in BOARDS:
        for name in TRAPS:
            if applies(name, kind):
                progress(f"{kind}: {name}")
                wrong += sum(spring(name, kind))
    return {"frontend_trap_wh": round(wrong, 6)}


def pzem_scan() -> dict[str, int]:
    """{"pzem_scan_ms_8": the longest time between two readings of a module, eight on one UART}."""
    document, _ = BOARDS["pzem"]
    rig = FrontRig(document, list(LOADS_DW))
    rig.run(5000)
    fresh = [sample.fresh for sample in rig.samples]
    waits_ms = [0] * len(fresh)
    worst_ms = 0
    for _ in range(600):
        rig.run(TICK_MS)
        for index, sample in enumerate(rig.samples):
            waits_ms[index] += TICK_MS
            if sample.fresh != fresh[index]:
                fresh[index] = sample.fresh
                worst_ms = max(worst_ms, waits_ms[index])
                waits_ms[index] = 0
    return {"pzem_scan_ms_8": worst_ms}

"""Faults dealt out over the days of a board."""

from collections.abc import Callable

from umeter_sim import watch_faults as faults
from umeter_sim import watch_troubles as troubles
from umeter_sim.watch_site import DAY, USERS, Board

Kind = Callable[[Board, int, int], None]  # at this board, from this step on, at this user

KINDS: tuple[Kind, ...] = (
    *(troubles.lossy_radio, troubles.no_network, faults.tap, faults.shunt),
    *(faults.reversed_wires, faults.welded, faults.burnt, faults.stuck, faults.nothing_used),
    *(faults.surge, faults.spike, faults.jump, faults.wrong_profile, troubles.wrong_clock),
    *(troubles.lost_credit, faults.free_supply, troubles.hands, faults.bad_power),
    *(faults.chatter, troubles.not_as_set, troubles.cloned, troubles.storm, troubles.no_answer),
)
# How many days each may take, with what it leaves behind.
_DAYS = 3
_LONG: dict[Kind, int] = {
    faults.tap: 6,
    faults.shunt: 7,
    faults.nothing_used: 15,
    faults.jump: 4,
    faults.surge: 5,
    faults.wrong_profile: 4,
}


def inject(board: Board, kinds: list[Kind], first_day: int) -> int:
    """One after the other, each at a channel of its own choice, until the days are used up.
    Returns how many there was room for."""
    random = board.random
    at = first_day * DAY
    for done, kind in enumerate(kinds):
        at += int(random.integers(DAY))
        if at + _LONG.get(kind, _DAYS) * DAY >= board.steps:
            return done
        kind(board, at, int(random.integers(USERS)))
        at += _LONG.get(kind, _DAYS) * DAY
    return len(kinds)

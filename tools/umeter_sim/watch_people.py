"""What happens at an honest site and looks odd: credit that runs out, tenants who move, power
cuts, a clock that is set. Nothing of it may be taken for a fault."""

import numpy as np

from umeter_sim.watch_site import DAY, HOUR, STEP_S, USERS, Board
from umeter_station.watch.window import Difference, Order

_OUT, _FRIENDLY, _EMERGENCY = 16, 32, 8


def live(board: Board) -> None:
    """Sixty days of ordinary life."""
    random = board.random
    months = max(1, board.steps // (30 * DAY))
    for _ in range(3 * months):
        _out_of_credit(board)
    for _ in range(2 * months):
        _power_cut(board, minutes=int(random.integers(1, 4)))
        _away(board)
        _brief_troubles(board)
    for _ in range(months):
        _friendly_night(board)
        _overload(board)
        _power_cut(board, minutes=int(random.integers(20, 240)))
    if random.random() < 0.5:
        _new_tenant(board)
    if random.random() < 0.3 and board.steps > 30 * DAY:
        _new_heater(board)


def _somewhere(board: Board, length: int) -> tuple[int, int, int]:
    """(first step, last step, user) of something."""
    first = int(board.random.integers(DAY, board.steps - length - 1))
    return first, first + length, int(board.random.integers(USERS))


def cut_off(board: Board, first: int, last: int, user: int) -> None:
    """The account is out, the contact open."""
    board.state[first:last, user] |= _OUT
    board.fed[first:last, user] = 0
    board.shown[first:last, user] = 0
    board.tell(first, "credit.out", user + 2)
    board.tell(first, "contact.open", user + 2, 2)
    board.tell(last, "contact.close", user + 2)


def _out_of_credit(board: Board) -> None:
    first, last, user = _somewhere(board, int(board.random.integers(6, 16 * HOUR)))
    cut_off(board, first, last, user)
    board.expect("A10", user + 2, first, last + DAY, required=False)


def _friendly_night(board: Board) -> None:
    """Out of credit, and fed all the same, as the settings say; or on emergency credit."""
    first, last, user = _somewhere(board, int(board.random.integers(HOUR, 9 * HOUR)))
    let = _FRIENDLY if board.random.random() < 0.6 else _EMERGENCY
    board.state[first:last, user] |= _OUT | let


def _overload(board: Board) -> None:
    """Trips, and three attempts to restore, as the settings allow."""
    first, _, user = _somewhere(board, HOUR)
    for tries in range(4):
        step = first + 2 * tries
        board.tell(step, "limit.trip", user + 2, 6400, 6000)
        board.tell(step, "contact.open", user + 2, 16)
        board.fed[step, user] = board.shown[step, user] = 0
        board.tell(step + 1, "contact.close", user + 2)


def _power_cut(board: Board, minutes: int) -> None:
    steps = minutes * 60 // STEP_S
    first, _, _ = _somewhere(board, steps + 2)
    board.grid[first : first + steps] = 0
    board.grid[first + steps] = 1 - minutes * 60 % STEP_S / STEP_S
    board.boot[first + steps :] += 1
    board.tell(first + steps, "boot", a=int(board.boot[first + steps]), b=1)
    board.tell(first + steps, "power.cut", a=minutes * 60)
    board.cut_intervals.update(range(first // 3, (first + steps) // 3 + 1))
    if board.random.random() < 0.3:
        board.clock[first + steps : first + steps + 2] = 0
        board.tell(first + steps + 2, "clock.set", a=0, b=int(board.at_s(first)) - 1_577_836_800)
    if steps >= 2:
        board.expect("A01", 0, first, first + steps + HOUR, required=False)
        board.expect("A02", 0, first, first + steps + HOUR, required=steps > 3)
        board.expect("A10", None, first, first + steps + DAY, required=False)


def _away(board: Board) -> None:
    """A few days with little more than the fridge."""
    first, last, user = _somewhere(board, int(board.random.integers(2, 5)) * DAY)
    board.wanted_w[first:last, user] = 20 + 0.3 * board.wanted_w[first:last, user]
    board.expect("A10", user + 2, first, last + DAY, required=False)


def _new_tenant(board: Board) -> None:
    """Empty for some days, then somebody else's habits."""
    first, last, user = _somewhere(board, int(board.random.integers(1, 5)) * DAY)
    board.wanted_w[first:last, user] = 0
    board.wanted_w[last:, user] = board.random.uniform(0.5, 1.8) * np.roll(
        board.wanted_w[last:, user], int(board.random.integers(DAY))
    )
    board.wanted_w[:, user] = np.minimum(board.wanted_w[:, user], 5000)
    board.expect("A10", user + 2, first, last + 15 * DAY, required=False)


def _new_heater(board: Board) -> None:
    """A big load every night from some day on: the front ends' errors are seen at other powers."""
    first, _, user = _somewhere(board, 20 * DAY)
    hours = np.arange(board.steps) // HOUR % 24
    night = (np.arange(board.steps) >= first) & (hours < 5)
    board.wanted_w[night, user] += 2200
    board.expect("A10", user + 2, first, board.steps, required=False)


def _brief_troubles(board: Board) -> None:
    """Noise on a bus, a sag of a few minutes, a chip that resets once, a clock set by seconds, an
    order that takes a while."""
    random = board.random
    first, _, user = _somewhere(board, HOUR)
    board.tell(first, "frontend.silent", user + 2)
    board.tell(first, "frontend.back", user + 2, plus_s=int(random.integers(15, 90)))
    first, _, user = _somewhere(board, HOUR)
    board.tell(first, "frontend.reset", user + 2)
    first, _, _ = _somewhere(board, HOUR)
    board.volts[first : first + 2] *= random.uniform(0.8, 0.88)
    first, _, _ = _somewhere(board, HOUR)
    now = board.at_s(first) - 1_577_836_800
    board.tell(first, "clock.set", a=now, b=now + int(random.integers(3, 12)))
    first, last, _ = _somewhere(board, 2)
    board.orders.append((first, last, Order(1, "read", "sent", board.at_s(first), 2**40)))
    first, last, _ = _somewhere(board, 20 * HOUR)
    board.differences.append((first, last, Difference("low_u", "waiting", board.at_s(first))))

"""What goes wrong beside the energy: radio, clock, money, settings, orders, and people's hands.

As in watch_faults.py, each says which findings are then right.
"""

import numpy as np

from umeter_sim.watch_faults import AFTER
from umeter_sim.watch_site import DAY, HOUR, Board
from umeter_station.watch.window import Difference, Money, Order


def lossy_radio(board: Board, first: int, user: int) -> None:
    last = min(first + int(board.random.integers(6 * HOUR, 2 * DAY)), board.steps)
    lost = board.random.random(last - first) < board.random.uniform(0.25, 0.4)
    board.heard[first:last] &= ~lost
    board.expect("A01", 0, first, last)
    board.expect("A02", 0, first, last, required=False)


def no_network(board: Board, first: int, user: int) -> None:
    last = first + int(board.random.integers(6, 30 * HOUR))
    board.heard[first:last] = False
    board.expect("A02", 0, first, last + HOUR)
    board.expect("A01", 0, first, last + HOUR, required=False)


def wrong_clock(board: Board, first: int, user: int) -> None:
    """The clock is off, and orders to set it do not help."""
    random = board.random
    last = first + int(random.integers(2 * HOUR, 2 * DAY))
    off_s = int(np.exp(random.uniform(np.log(20), np.log(5000))))
    board.misplaced[first : last + 1] = True
    if random.random() < 0.2:
        board.clock[first:last] = 0
    else:
        board.clock_off_s[first:last] += off_s if random.random() < 0.5 else -off_s
    board.expect("A14", 0, first, last + HOUR)
    board.expect("A13", None, first, last + AFTER, required=False)


def lost_credit(board: Board, first: int, user: int) -> None:
    last = first + int(board.random.integers(6 * HOUR, 2 * DAY))
    money = Money(user + 2, 10_000_000, 5_000_000, 0, 0, False)
    board.money.append((first, last, money))
    board.expect("A15", user + 2, first, last)


def hands(board: Board, first: int, user: int) -> None:
    """The cover, a wire pulled off, a chip that resets, forged orders."""
    random = board.random
    kind = int(random.integers(4))
    last = first + 2 * HOUR
    ch = user + 2
    if kind == 0:
        board.tell(first, "cover.open")
        board.tell(last, "cover.closed")
        ch = 0
    elif kind == 1:
        last = first + int(random.integers(HOUR, 20 * HOUR))
        board.tell(first, "frontend.silent", ch)
        board.tell(last, "frontend.back", ch)
        board.silent_s[first:last, user] = 300 * np.arange(1, last - first + 1)
        board.fed[first + 1 : last, user] = board.shown[first + 1 : last, user] = 0
        board.counted[first, user] = 0
        board.expect("A10", ch, first, last + AFTER, required=False)
    elif kind == 2:
        last = first + 20 * HOUR
        for at in sorted(random.integers(first, last, 8)):
            board.tell(int(at), "frontend.reset", ch)
    else:
        board.tell(first, "link.forged", a=int(random.integers(1, 40)))
        ch = 0
    board.expect("A17", ch, first, last + HOUR)


def not_as_set(board: Board, first: int, user: int) -> None:
    last = first + int(board.random.integers(2, 4)) * DAY
    state = str(board.random.choice(("refused", "differs", "waiting")))
    board.differences.append((first, last, Difference("limit_w", state, board.at_s(first))))
    board.expect("A20", 0, first, last)


def cloned(board: Board, first: int, user: int) -> None:
    last = first + int(board.random.integers(HOUR, DAY))
    board.clones.append((first, last))
    board.expect("A21", 0, first, last)
    for rule in ("A12", "A13", "A22", "A08", "A01"):
        board.expect(rule, None, first, last + AFTER, required=False)


def storm(board: Board, first: int, user: int) -> None:
    last = first + int(board.random.integers(HOUR, DAY))
    board.extra[first:last] = int(board.random.integers(20, 300))
    board.repeated[first:last] = board.extra[first:last]
    board.expect("A22", 0, first, last + HOUR)


def no_answer(board: Board, first: int, user: int) -> None:
    last = first + int(board.random.integers(2 * HOUR, 2 * DAY))
    order = Order(7, "credit", "sent", board.at_s(first), board.at_s(last))
    board.orders.append((first, last, order))
    board.expect("A23", 0, first, last)

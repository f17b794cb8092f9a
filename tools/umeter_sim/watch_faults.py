"""What is broken or stolen at a site, kind by kind: each changes what a board would report, and
says which findings are then right. Consequences that are right, too, but need not be found, are
not required.
"""

import numpy as np

from umeter_sim.watch_people import cut_off
from umeter_sim.watch_site import DAY, HOUR, LIMIT_W, Board

AFTER = 26 * HOUR  # what looks back a day still sees it
_STEALABLE_WH = 1500  # a day: of less, five per cent is too little to be seen


def _fed(board: Board, first: int, last: int, user: int) -> None:
    """Nothing else cuts the supply meanwhile."""
    board.fed[first:last, user] = 1
    board.shown[first:last, user] = 1
    board.state[first:last, user] = 0


def _sums(board: Board, first: int, last: int, *rules: str) -> None:
    for rule in rules or ("A03", "A04"):
        board.expect(rule, None, first, last + AFTER, required=False)


def _habits(board: Board, user: int, first: int, last: int) -> None:
    for rule in ("A09", "A10"):
        board.expect(rule, user + 2, first, last + AFTER, required=False)


def tap(board: Board, first: int, user: int) -> None:
    """A load of its own behind the inlet, past all channels: 30 W and more."""
    random = board.random
    last = first + int(random.integers(DAY, 4 * DAY))
    watts = float(np.exp(random.uniform(np.log(30), np.log(600))))
    if random.random() < 0.4:
        on = random.random(last - first) < 0.5
        watts = watts * np.repeat(on[::6], 6)[: last - first] * 2
    board.tap_w[first:last] += watts
    board.expect("A03", 0, first, last + AFTER)


def shunt(board: Board, first: int, user: int) -> None:
    """Five per cent and more of one channel's consumption go round its front end."""
    random = board.random
    last = first + int(random.integers(2 * DAY, 5 * DAY))
    _fed(board, first, last, user)
    part = board.wanted_w[first:last, user]
    if part.mean() * 24 < _STEALABLE_WH:
        part *= 2 * _STEALABLE_WH / 24 / max(part.mean(), 1)
    stolen = float(np.exp(random.uniform(np.log(0.05), np.log(0.7))))
    board.counted[first:last, user] = 1 - stolen
    board.power_share[first:last, user] = 1 - stolen
    board.expect("A04", user + 2, first, last + AFTER)
    _sums(board, first, last, "A03")
    board.expect("A10", user + 2, first, last + AFTER, required=False)


def reversed_wires(board: Board, first: int, user: int) -> None:
    """The transformer is turned round: power is negative, the register stands."""
    last = first + int(board.random.integers(6 * HOUR, 2 * DAY))
    _fed(board, first, last, user)
    board.counted[first:last, user] = 0
    board.power_share[first:last, user] = -1
    board.wanted_w[first:last, user] += 30
    board.expect("A05", user + 2, first, last)
    _sums(board, first, last)
    _habits(board, user, first, last)


def welded(board: Board, first: int, user: int) -> None:
    """Out of credit, ordered open, and the contact does not let go; the board's own word for it
    comes in only half of the cases."""
    random = board.random
    last = first + int(random.integers(3 * HOUR, 2 * DAY))
    cut_off(board, first, last, user)
    board.fed[first:last, user] = 1
    board.wanted_w[first:last, user] += 15
    if random.random() < 0.5:
        board.tell(first, "contact.welded", user + 2, 15, 230, plus_s=15)
    board.expect("A06", user + 2, first, last)
    board.expect("A16", user + 2, first, last, required=False)


def burnt(board: Board, first: int, user: int) -> None:
    """The contact closes and does not conduct, or only through what is left of it."""
    random = board.random
    last = first + int(random.integers(HOUR, 2 * DAY))
    _fed(board, first, last, user)
    left = 0.0 if random.random() < 0.5 else random.uniform(0.3, 0.7)
    board.wanted_w[first:last, user] *= left * left
    board.voltage_share[first:last, user] = left
    if left == 0 and random.random() < 0.5:
        board.tell(first, "contact.stuck", user + 2, 0, 0, plus_s=20)
    board.expect("A07", user + 2, first, last)
    _habits(board, user, first, last)


def stuck(board: Board, first: int, user: int) -> None:
    """A chip counts no more, and still shows the power; the firmware notices in half the cases."""
    random = board.random
    last = first + int(random.integers(6 * HOUR, 3 * DAY))
    _fed(board, first, last, user)
    board.counted[first:last, user] = 0
    board.wanted_w[first:last, user] += 40
    if random.random() < 0.5:
        board.tell(first, "register.frozen", user + 2, plus_s=30)
    board.expect("A08", user + 2, first, last)
    _sums(board, first, last)
    _habits(board, user, first, last)


def nothing_used(board: Board, first: int, user: int) -> None:
    """Breakers off for ten days, contact closed."""
    last = min(first + int(board.random.integers(10, 13)) * DAY, board.steps - 1)
    _fed(board, first, last, user)
    board.wanted_w[:first, user] = np.maximum(board.wanted_w[:first, user], 60)
    board.wanted_w[first:last, user] = 0
    board.expect("A09", user + 2, first, last + DAY)
    # To be back is unusual, too, until the empty days are no longer most of the weeks before.
    board.expect("A10", user + 2, first, last + 14 * DAY, required=False)


def surge(board: Board, first: int, user: int) -> None:
    """Day and night some big load: seven times the usual."""
    last = first + int(board.random.integers(2, 4)) * DAY
    usual = board.wanted_w[max(0, first - 14 * DAY) : first, user].mean()
    _fed(board, first, last, user)
    board.wanted_w[first:last, user] = np.minimum(
        board.wanted_w[first:last, user] + max(6 * usual, 150), 0.8 * LIMIT_W
    )
    if usual > 700:  # no room for seven times: far less it is
        board.wanted_w[first:last, user] = 0.06 * usual
    board.expect("A10", user + 2, first, last + AFTER)


def spike(board: Board, first: int, user: int) -> None:
    """One interval near the limit, at a channel that is never near it."""
    first -= first % 3
    _fed(board, first, first + 3, user)
    weeks = slice(max(0, first - 28 * DAY), first + DAY)
    board.wanted_w[weeks, user] = np.minimum(board.wanted_w[weeks, user], 0.22 * LIMIT_W)
    board.wanted_w[first : first + 3, user] = board.random.uniform(0.75, 0.95) * LIMIT_W
    board.expect("A11", user + 2, first, first + AFTER)
    board.expect("A10", user + 2, first, first + AFTER, required=False)


def jump(board: Board, first: int, user: int) -> None:
    """A register loses or wins kilowatt-hours."""
    random = board.random
    size = int(np.exp(random.uniform(np.log(3000), np.log(300_000))))
    wh = size if random.random() < 0.5 else -min(size, 60_000)
    board.jumps.append((first, user + 2, wh))
    board.expect("A12", user + 2, first - 1, first + HOUR)
    for rule in ("A03", "A04", "A10", "A11", "A13"):
        board.expect(rule, None, first - 3, first + 8 * DAY, required=False)


def wrong_profile(board: Board, first: int, user: int) -> None:
    """Intervals of which the log holds other numbers than the register went by."""
    random = board.random
    interval = first // 3
    for at in range(interval, interval + int(random.integers(1, 4))):
        wh = int(random.integers(120, 900))
        board.misprints.append((at, user + 2, wh))
    board.expect("A13", user + 2, first, first + AFTER)
    _sums(board, first, first + 7 * DAY)
    board.expect("A11", user + 2, first, first + AFTER, required=False)


def free_supply(board: Board, first: int, user: int) -> None:
    """Out of credit, and the contact never opens."""
    last = first + int(board.random.integers(2 * HOUR, DAY))
    _fed(board, first, last, user)
    board.state[first:last, user] = 16
    board.wanted_w[first:last, user] += 40
    board.expect("A16", user + 2, first, last + HOUR)


def bad_power(board: Board, first: int, user: int) -> None:
    """The grid sags or swells; or a big load with hardly any real power."""
    random = board.random
    last = first + int(random.integers(HOUR // 2, 8 * HOUR))
    if random.random() < 0.5:
        part = random.uniform(0.78, 0.86) if random.random() < 0.6 else random.uniform(1.14, 1.2)
        board.volts[first:last] *= part
        board.expect("A18", 0, first, last + HOUR)
    else:
        _fed(board, first, last, user)
        board.wanted_w[first:last, user] = random.uniform(260, 900)
        board.factor[first:last, user] = random.uniform(0.25, 0.43)
        board.expect("A18", user + 2, first, last + HOUR)


def chatter(board: Board, first: int, user: int) -> None:
    last = first + int(board.random.integers(2 * HOUR, 10 * HOUR))
    _fed(board, first, last, user)
    every_s = int(board.random.integers(60, 400))
    for plus_s in range(0, (last - first) * 300, every_s):
        board.tell(first, "contact.open", user + 2, 2, plus_s=plus_s)
        board.tell(first, "contact.close", user + 2, plus_s=plus_s + 10)
    board.expect("A19", user + 2, first, last)

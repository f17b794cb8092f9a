"""One order, from a prepared board to what the meter is after its next boot."""

import errno
import json

from umeter_sim.cut_board import CutFlash, PowerCut
from umeter_sim.fake_net import VirtualClock
from umeter_sim.nor import Nor
from umeter_sim.once_cases import CASES, READING, prepare
from umeter_sim.order_board import KEY, OrderBoard, sign, verify
from umeter_sim.order_keys import wrapping
from umeter_sim.order_samples import WHEN

N = 50  # of the order
OTHER = {"n": N + 1, "op": "credit", "ch": 2, "amount_u": 1000}
_NEW_KEY = bytes(range(100, 132))
_DONE = ("applied", "partly")
_TRIES = 4
_AMOUNTS = ("taken_u", "refund_u", "lend_u")
_JOURNAL = 2  # sectors
_LOG = 8


class Flash(CutFlash):
    """The journal's. `failing`: takes nothing."""

    def __init__(self):
        super().__init__(_JOURNAL, lambda size: (0, size // 2))
        self.failing = False

    def program(self, off, buf):
        self._check()
        super().program(off, buf)

    def erase(self, off):
        self._check()
        super().erase(off)

    def _check(self):
        if self.failing:
            raise OSError(errno.EIO)


class Case:
    """One kind of order, on a board prepared for it. turning: the order's commit goes into a new
    sector of the journal.
    """

    def __init__(self, name, turning):
        steps, order = CASES[name]
        self.op = order["op"]
        first = OrderBoard(Nor(_JOURNAL), Nor(_LOG), VirtualClock(when=WHEN))
        prepare(first, lambda **fields: told(first, signed(fields)), steps)
        self._log = bytes(first.log.cells)
        self._journal = bytes(first.flash.cells)
        if turning:
            self._fill(first)
        self.order = {"n": N, **order}
        if self.op == "time":
            self.order["boot"] = first.meter.boot + 1
        if self.op == "key":
            self.order.update(wrapping(N, KEY, _NEW_KEY))
        self.none, _ = self._reference(())
        self.once, self.answer = self._reference((self.order,))
        if (self.none == self.once) != (self.op in READING):
            raise RuntimeError(f"the case {name} shows nothing")

    def _fill(self, board):
        """Let the journal's sector have room for a boot and a commit without news, but for no
        order.
        """
        erased = sum(board.flash.erased)
        filled = []
        while sum(board.flash.erased) == erased:
            filled.append(bytes(board.flash.cells))
            board.meter.commit()
        while True:
            self._journal = filled.pop()
            booted = self.board()
            booted.meter.commit()
            if not sum(booted.flash.erased):
                return

    def board(self, late_s=0):
        """The board as it boots before the order; by its clock late_s after the preparation."""
        flash = Flash()
        flash.cells[:] = self._journal
        log = Nor(_LOG)
        log.cells[:] = self._log
        board = OrderBoard(flash, log, VirtualClock(when=WHEN + late_s))
        board.tick()
        return board

    def _reference(self, orders):
        board = self.board()
        answer = None
        for order in orders:
            answer = told(board, signed(order))
            if answer["code"] not in _DONE:
                raise RuntimeError(f"{order} was answered with {answer}")
        return outcome_of(board), answer


class Trial:
    """What one order's way brings about. faults: ("lost" or "doubled", sentence)."""

    def __init__(self, case, board):
        self.case = case
        self.board = board
        self.answers = []  # as far as they reached the station
        self.done = 0  # answers that say it was carried out now, wherever they ended

    def deliver(self, lost=False, **more):
        """Once to the board. False if the power was cut."""
        try:
            answer = told(self.board, signed({**self.case.order, **more}))
        except PowerCut:
            self.reboot()
            return False
        self.done += answer["code"] in _DONE
        if not lost:
            self.answers.append(answer)
        self.board.flash.budget = None
        self.board.tick()
        return True

    def reboot(self):
        self.board = _next_boot(self.board)
        self.board.tick()

    def settle(self):
        """As the station does: again until there is an answer."""
        for _ in range(_TRIES):
            if self.deliver():
                return

    def faults(self, may_be_refused=False, others=()):
        """("lost" or "doubled", what happened) of each way in which it is not once or not at
        all.
        """
        case = self.case
        codes = [answer.get("first", answer["code"]) for answer in self.answers]
        found = []
        if not codes or len(set(codes)) > 1:
            found.append(("lost", f"answers {codes}"))
        applied = bool(codes) and codes[-1] in _DONE
        if not applied and not may_be_refused:
            found.append(("lost", f"not applied: {self.answers}"))
        reading = case.op in READING
        if self.done > 1 and not reading:
            found.append(("doubled", f"carried out {self.done} times"))
        for field in _AMOUNTS:
            amount_u = case.answer.get(field)
            if applied and amount_u and any(a.get(field) != amount_u for a in self.answers):
                found.append(("lost", f"{field} in {self.answers}"))
        if applied and case.op == "key" and not _is_rotated(self.board):
            found.append(("lost", "the new key"))
        outcome = outcome_of(self.board, without=others)
        expected = case.once if applied else case.none
        if {**outcome, **{part: expected[part] for part in others}} != expected:
            kind = "lost" if outcome == case.none else "doubled"
            found.append((kind, f"answers {codes}, but {_difference(outcome, expected)}"))
        return found


def signed(order, key=KEY):
    """The token of an order."""
    return sign(key, json.dumps(order).encode())


def told(board, token, key=KEY):
    """What the board answers to a token, its signature checked."""
    result = board.commands.handle(token)
    return json.loads(verify(key, result, 1 << 16))


def _is_rotated(board):
    """Does a copy of the board take the new key, and from then on the old one no more?"""
    copies = Flash(), Nor(_LOG)
    for copy, cells in zip(copies, (board.flash.cells, board.log.cells), strict=True):
        copy.cells[:] = cells
    copied = OrderBoard(*copies, board.clock)
    return _takes_the_new_alone(copied) and _takes_the_new_alone(_next_boot(copied))


def _takes_the_new_alone(board):
    order = {"n": N + 9, "op": "read"}
    taken = board.commands.handle(signed(order, _NEW_KEY)) is not None
    return taken and board.commands.handle(signed(order)) is None


def _next_boot(board):
    board.flash.budget = None
    return OrderBoard(board.flash, board.log, board.clock)


def outcome_of(board, without=()):
    """What the meter will be after its next boot, but for the numbers it has spent."""
    board.tick()
    board.meter.commit()
    again = _next_boot(board)
    again.tick()
    state = again.state()
    for part in ("numbers", "clock", *without):
        del state[part]
    return state


def _difference(one, other):
    return {part: (one[part], other[part]) for part in one if one[part] != other[part]}

"""Random power cuts by the ten thousand: sales, settings, energy and sector turn-over on the
firmware's own core, cut at a random byte or erase, again during the recovery up to three times in
a row, and judged by what the station and the loads know.

A purchase that was answered must be there after every cut, once; one that was not answered is
sent again and must then have been applied once. The registers come back exactly as a commit had
them: the last that returned, or the one that was cut.
"""

import json
import random

from umeter_sim.cut_board import ERASE_COST, WH, CutBoard, CutFlash, PowerCut, carry_out

_CUTS_A_BOARD = 150
_DT_MS = 1000
_SITE_DW = 34_000  # all users: a tick stays below 1 Wh, as 100 ms do at 34 kW
_APPLIED = ("applied", "partly")


class Broken(AssertionError):
    """The meter is not what the commits say. The message tells how to see it again."""


class Life:
    """One board from its first boot on. figures: the dict that `run` returns, kept up here."""

    def __init__(self, rng, figures):
        self._rng = rng
        self._figures = figures
        users = rng.choice((1, 3, 8))
        flash = CutFlash(rng.choice((2, 3, 5)), self._torn)
        self._board = CutBoard(flash, [rng.random() < 0.5 for _ in range(users)])
        self._paid_u = [0] * users  # answered purchases
        self._n = 0
        self._open = None  # the order that has no answer yet
        self._answered = []
        self._cuts = 0
        self._boot()

    def live(self):
        """Until enough cuts were survived."""
        while self._cuts < _CUTS_A_BOARD:
            try:
                self._turn()
            except PowerCut:
                self._after_cut()

    def _torn(self, size):
        low, high = sorted((self._rng.randrange(size + 1), self._rng.randrange(size + 1)))
        return self._rng.choice(((0, high), (low, size), (low, high)))

    def _turn(self):
        rng = self._rng
        board = self._board
        if board.flash.budget is None:
            board.flash.budget = rng.randrange(rng.choice((90, 500, 500, 2000)))
        if self._open is not None:
            self._deliver(self._open)
        chance = rng.random()
        if chance < 0.12:
            ch = rng.randrange(len(board.units)) + 1
            self._order(op="credit", ch=ch, amount_u=rng.randrange(1, 3_000_000))
        elif chance < 0.15:
            price = rng.randrange(1, 1_000_000)
            self._order(op="set", version=self._n, set={"price_u_per_kwh": price})
        elif chance < 0.17:
            ch = rng.randrange(len(board.units)) + 1
            self._order(op="supply", ch=ch, state=rng.choice(("open", "close", "close")))
        elif chance < 0.20 and self._answered:
            self._deliver(rng.choice(self._answered[-20:]))
        elif chance < 0.25:
            most = _SITE_DW // len(board.units)
            board.powers = [rng.randrange(most) for _ in board.units]
        else:
            board.tick(_DT_MS)
            self._judge_energy()
            if rng.random() < 0.5:
                board.meter.journal.prepare()

    def _order(self, **order):
        self._n += 1
        self._open = {"n": self._n, **order}
        self._deliver(self._open)

    def _deliver(self, order):
        answer = carry_out(json.dumps(order).encode(), self._board)
        code = answer.get("first", answer["code"])
        if order is self._open:
            self._open = None
            self._answered.append(order)
            if code not in _APPLIED:
                self._broken(f"{order} was answered with {answer}")
            if order["op"] == "credit":
                self._paid_u[order["ch"] - 1] += order["amount_u"]
        elif answer["code"] not in ("replayed", "old"):
            self._broken(f"{order} was carried out again: {answer}")
        self._judge_money(0)

    def _after_cut(self):
        """Boot, cut again up to twice on the way."""
        again = self._rng.choice((0, 0, 1, 2))
        while True:
            self._cuts += 1
            self._figures["power_cuts_tried"] += 1
            before = self._board.booked()
            self._board.flash.budget = self._rng.randrange(2 * ERASE_COST) if again else None
            expected = (self._board.durable, self._board.attempt)
            try:
                self._boot()
            except PowerCut:
                again -= 1
                self._compare(before, expected)
                continue
            self._board.flash.budget = None
            break
        self._compare(before, expected)

    def _boot(self):
        board = self._board
        board.power_up()
        board.meter.restore()
        board.powers = [self._rng.randrange(_SITE_DW // len(board.units)) for _ in board.units]

    def _compare(self, before, expected):
        """The meter as restored, before its first tick, with what was before the cut."""
        board = self._board
        if not board.meter.journal.get("b"):
            return  # cut before the first commit: there is nothing yet
        state = board.state()
        if state not in expected:
            self._broken("it came back as no commit had it")
        lost = invented = 0
        for kept, now, then in zip(board.kept, board.booked(), before, strict=True):
            invented = max(invented, now - then)
            if not kept:
                lost += then - now
        self._note("energy_lost_wh_max", lost)
        self._note("energy_invented_wh_max", invented)
        pending = self._open or {}
        self._judge_money(pending.get("amount_u", 0))

    def _judge_money(self, pending_u):
        for channel, paid_u in zip(self._board.meter.channels, self._paid_u, strict=True):
            account = channel.account
            self._figures["purchases_lost"] += account.credited_total_u < paid_u
            at_most_u = paid_u
            if pending_u and self._open["ch"] == channel.index + 1:
                at_most_u += pending_u
            self._figures["purchases_doubled"] += account.credited_total_u > at_most_u
            if account.credited_total_u not in (paid_u, at_most_u):
                self._broken(f"credited {account.credited_total_u}, paid {paid_u}")

    def _judge_energy(self):
        """A register that the chip keeps: booked is what was counted, and less than a count more,
        from the first reading on.
        """
        board = self._board
        for index, kept in enumerate(board.kept):
            if kept and board.units[index] // WH:
                booked = board.booked()[index]
                self._note("energy_lost_wh_max", board.units[index] // WH * WH - booked)
                self._note("energy_invented_wh_max", booked - board.units[index] - WH)

    def _note(self, name, units):
        self._figures[name] = max(self._figures[name], units / WH)

    def _broken(self, sentence):
        cut = self._figures["power_cuts_tried"]
        raise Broken(f"after cut {cut} of seed {self._figures['seed']}: {sentence}")


def run(cuts, seed=1, progress=None):
    """Try at least so many cuts. progress: called with the number tried after each board.

    {"power_cuts_tried", "purchases_lost", "purchases_doubled", "energy_lost_wh_max",
    "energy_invented_wh_max"}; Broken if the meter comes back as no commit had it.
    """
    rng = random.Random(seed)
    figures = {
        "power_cuts_tried": 0,
        "purchases_lost": 0,
        "purchases_doubled": 0,
        "energy_lost_wh_max": 0,
        "energy_invented_wh_max": 0,
        "seed": seed,
    }
    while figures["power_cuts_tried"] < cuts:
        Life(rng, figures).live()
        if progress is not None:
            progress(figures["power_cuts_tried"])
    del figures["seed"]
    figures["energy_lost_wh_max"] = round(figures["energy_lost_wh_max"], 3)
    figures["energy_invented_wh_max"] = round(figures["energy_invented_wh_max"], 3)
    return figures

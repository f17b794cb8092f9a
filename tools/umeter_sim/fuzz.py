"""Fuzzing what reaches a meter from outside: order tokens here, a broker's bytes in fuzz_streams.

The real core, commands and link run on it. After each input the meter must have had its turn, and
be as it was but for what a valid order may change, which an oracle of its own works out.
"""

import json

from umeter_sim import fuzz_streams
from umeter_sim import order_oracle as oracle
from umeter_sim.fake_net import VirtualClock
from umeter_sim.fuzz_tokens import Tokens
from umeter_sim.lives import lived
from umeter_sim.nor import Nor
from umeter_sim.order_board import CHANNELS, KEY, OrderBoard, verify
from umeter_sim.order_keys import unwrapped
from umeter_sim.order_samples import WHEN

NAME = "m1"
INPUTS = 100_000  # of each kind
_A_BOARD = 500  # inputs
_LAST_GOOD_N = 1 << 24  # a number that jumps beyond it leaves too few for others


class Flash(Nor):
    """`failing`: takes nothing."""

    failing = False

    def program(self, off, buf):
        if self.failing:
            raise OSError(5)
        super().program(off, buf)

    def erase(self, off):
        if self.failing:
            raise OSError(5)
        super().erase(off)


class Life:
    """One meter and the tokens that reach it. faults: a list of sentences, added to here."""

    def __init__(self, rng, faults):
        self._rng = rng
        self._faults = faults
        clock = VirtualClock(when=rng.choice((0, WHEN)))
        self._board = OrderBoard(Flash(4), clock=clock, name=NAME)
        self._numbers = oracle.Numbers()
        self._keys = (KEY,)  # in force, newest first
        self._tokens = Tokens(rng, KEY, NAME)
        for channel in self._board.channels:
            channel.quarantined = rng.choice((0, 0, 2500))
        self._board.tick()

    def live(self):
        """Some hundred inputs, then a power cut. Returns how many."""
        tried = 0
        while tried < _A_BOARD and self._numbers.highest < _LAST_GOOD_N:
            token = self._tokens.next()
            tried += 1
            try:
                sentence = self._input(token)
            except Exception as e:  # a meter that lets one through is not to be trusted further
                self._faults.append(f"{e!r} escaped: {token!r}")
                return tried
            if sentence:
                self._faults.append(f"{sentence}: {token!r}")
        self._compare_after_cut()
        return tried

    def _input(self, token):
        """Have the meter handle it. Returns what is wrong with that, or ""."""
        board = self._board
        commands = board.commands
        before = board.state()
        failed = commands.forged + commands.unnumbered
        failing = board.flash.failing = self._rng.random() < 0.02
        result = commands.handle(token)
        board.flash.failing = False
        changed = _differences(before, board.state())
        key = next((key for key in self._keys if oracle.opened(token, key) is not None), None)
        order = None if key is None else oracle.numbered(oracle.opened(token, key))
        if order is None:
            board.tick()
            changed |= _differences(before, board.state())
            if result is not None or changed:
                return f"answered {result}, changed {changed}"
            if commands.forged + commands.unnumbered != failed + 1:
                return "not counted"
            return ""
        if result is None:
            return "not answered"
        answer = json.loads(verify(key, result, 1 << 16))
        sentence = oracle.fault(order, answer, self._numbers, NAME)
        allowed = oracle.allowed_changes(order, answer["code"])
        if answer["code"] == "applied" and order["op"] == "key":
            self._keys = (unwrapped(order, key), key)
        if len(self._keys) > 1 and key == self._keys[0]:
            allowed.add("keys")
            if "keys" in changed:
                self._keys = (key,)
            elif not failing:
                sentence += " the old key still counts"
        self._tokens.key = self._keys[0] if self._rng.random() < 0.8 else self._keys[-1]
        board.tick()
        if not changed <= allowed:
            sentence += f" {answer} changed {changed - allowed}"
        return sentence + _miscredited(before, board.state(), order, answer)

    def _compare_after_cut(self):
        board = self._board
        board.meter.commit()  # of reading orders the number waits for the next one
        again = OrderBoard(board.flash, board.log, board.clock, name=NAME)
        lost = _differences(board.state(), again.state()) - {"maintenance"}  # a boot ends it
        if lost:
            self._faults.append(f"{lost} came back otherwise after a power cut")


def _differences(before, after):
    return {part for part in before if before[part] != after[part]}


def _miscredited(before, after, order, answer):
    """A sentence if a purchase is not exactly what was credited."""
    for ch in range(1, CHANNELS + 1):
        credited_u = after[ch][0] - before[ch][0]
        bought = order.get("op") == "credit" and answer["code"] == "applied"
        if bought and credited_u != (order.get("amount_u") if order.get("ch") == ch else 0):
            return f" credited {credited_u} on channel {ch}"
    return ""


def envelopes(count, seed=1, progress=None):
    """Have at least so many tokens handled: {"inputs", "faults"}, as lived() tells."""
    return lived(Life, count, seed, progress)


def run(progress=None):
    """{"fuzz_inputs", "fuzz_state_changes"} of 100 000 tokens and as many streams: how many were
    tried, and after how many the meter was not as it had to be. The first of those are printed.
    progress: called with the number so far.
    """
    tokens = envelopes(INPUTS, progress=progress)
    streams = fuzz_streams.streams(
        INPUTS, progress=progress and (lambda done: progress(INPUTS + done))
    )
    for sentence in (tokens["faults"] + streams["faults"])[:5]:
        print(sentence)
    return {
        "fuzz_inputs": tokens["inputs"] + streams["inputs"],
        "fuzz_state_changes": len(tokens["faults"]) + len(streams["faults"]),
    }

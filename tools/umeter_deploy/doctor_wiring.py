"""Is the contact of a channel in the same wire as what meters it? Each contact is closed alone for
some seconds, with a load at its output: power has to move on this channel and no other.
"""

import json
from dataclasses import dataclass
from typing import Any

from umeter_deploy.link import LinkError
from umeter_deploy.onboard_script import Prompt, Script
from umeter_sim.squeeze_names import Names

OK = "ok"
_OPEN_MS = 3000  # until a module that is asked in turn has said what it measures then
_SETTLE_MS = 4000


@dataclass(frozen=True)
class Seen:
    """Of one channel in one span of time: good and spoilt readings, the last power in 0.1 W, and
    how far its register counted."""

    fresh: int
    spoilt: int
    power_dw: int
    counts: int

    def power(self) -> int:
        return self.power_dw if self.fresh else 0


@dataclass(frozen=True)
class Limits:
    """least_dw: less power, 0.1 W, is none. closed_ms: how long each contact is closed."""

    least_dw: int = 100
    closed_ms: int = 5000


class Wiring:
    """The board's contacts and meters at its prompt. LinkError, one sentence, if it cannot."""

    def __init__(self, prompt: Prompt, board: dict[str, Any], names: Names, limits: Limits):
        """board: board.json as the board has it."""
        self._limits = limits
        self._pulses = [index for index, c in enumerate(board["channels"]) if "bus" not in c]
        self._script = Script(prompt, "wiring", names)
        try:
            self._script.run(f"begin({json.dumps(board)!r})")
            self._rest = self._seen(self._script.ask(f"watch({_SETTLE_MS})"))
        except LinkError as error:
            raise LinkError(
                f"The board cannot run its own modules ({error}): bring it this release first"
                " (umeter deploy)"
            ) from None

    def judge(self, index: int) -> str:
        """Close the contact of a channel alone: OK, or what is wrong, in words."""
        rest = self._rest
        if self._has_power(index, rest[index]):
            return "does not open: power flows though every contact is open"
        closed, opened = map(
            self._seen,
            self._script.ask(f"try_contact({index}, {self._limits.closed_ms}, {_OPEN_MS})"),
        )
        return self._verdict(index, rest, closed, opened)

    def open_all(self) -> None:
        self._script.run("open_all()")

    @staticmethod
    def _seen(rows: list[list[int]]) -> list[Seen]:
        return [Seen(*row) for row in rows]

    def _verdict(
        self, index: int, rest: list[Seen], closed: list[Seen], opened: list[Seen]
    ) -> str:
        moved = [i for i, now in enumerate(closed) if self._has_come(i, rest[i], now)]
        others = _channels(other for other in moved if other != index)
        if index in moved:
            if self._has_power(index, opened[index]):
                return "does not open: power flows on after its contact was opened"
            if others:
                return f"two at once: power moves on channel {others} too"
            if closed[index].power() < 0:
                return "backwards: the power is negative, turn its current transformer around"
            return OK
        if others:
            return f"power on channel {others} instead"
        if not closed[index].fresh:
            if closed[index].spoilt:
                return "garbled: two modules may have its address (umeter doctor address)"
            return "silent: what meters it does not answer"
        if index in self._pulses:
            return "no power: no pulse, is a load connected, and --seconds long enough for one?"
        return "no power: is a load connected, and does the relay click?"

    def _has_power(self, index: int, seen: Seen) -> bool:
        if index in self._pulses:
            return seen.counts > 1  # one may have been on its way
        return abs(seen.power()) >= self._limits.least_dw

    def _has_come(self, index: int, before: Seen, now: Seen) -> bool:
        """Power that was there before goes up and down by itself, too."""
        if index in self._pulses:  # its power is known from the second pulse on
            return now.counts > 2 * before.counts
        had_dw = abs(before.power())
        return abs(now.power()) - had_dw >= max(self._limits.least_dw, had_dw // 4)


def _channels(indices: Any) -> str:
    return ", ".join(str(index + 1) for index in indices)

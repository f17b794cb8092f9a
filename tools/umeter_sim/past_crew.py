"""Past boards in processes of their own: they live at the same time, as far as there are cores."""

import multiprocessing
import traceback
from typing import Any

from umeter_sim.past_board import PastBoard


class Crew:
    """`boards`: {name: the keyword arguments of its PastBoard}. Use as a context."""

    def __init__(self, boards: dict[str, dict[str, Any]]) -> None:
        context = multiprocessing.get_context("spawn")
        self._ends = {}
        self._processes = []
        self._asked: list[str] = []
        for name, given in boards.items():
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, given), daemon=True)
            process.start()
            theirs.close()
            self._ends[name] = ours
            self._processes.append(process)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends.values():
            end.close()  # its process ends with it
        for process in self._processes:
            process.join(5)

    def all_(self, calls: dict[str, tuple[str, tuple]]) -> dict[str, Any]:
        """{name: (method, arguments)} at the same time: {name: what it returned}. RuntimeError
        with the board's own words if one fails.
        """
        self.start(calls)
        return self.finish()

    def start(self, calls: dict[str, tuple[str, tuple]]) -> None:
        """The same, without waiting: finish() does."""
        for name, call in calls.items():
            self._ends[name].send(call)
        self._asked = list(calls)

    def finish(self) -> dict[str, Any]:
        """What start() has asked for."""
        answers = {name: self._ends[name].recv() for name in self._asked}
        self._asked = []
        for name, (returned, failure) in answers.items():
            if failure:
                raise RuntimeError(f"board {name} has failed:\n{failure}")
            answers[name] = returned
        return answers


def _serve(end: Any, given: dict[str, Any]) -> None:
    board = PastBoard(**given)
    while True:
        try:
            method, arguments = end.recv()
        except EOFError:
            return
        try:
            end.send((getattr(board, method)(*arguments), None))
        except Exception:
            end.send((None, traceback.format_exc()))

"""A simulated board's prompt in this process: programs run on the board's own files, with its
hardware, and no interpreter but this one.
"""

import types

from simulated_chip import Chip
from umeter_deploy import link
from umeter_deploy.link import LinkError


class Prompt:
    """chip: a simulated_chip.Chip, whose `said` takes what is printed. It is link.Link's prompt,
    without the line.
    """

    def __init__(self, chip):
        self.chip = chip
        self._module = types.ModuleType("__main__")
        self._module.__dict__["__builtins__"] = chip.modules._builtins
        self.run(link._HELPERS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, program):
        begin = len(self.chip.said)
        try:
            exec(program, self._module.__dict__)
        except Exception as error:
            raise LinkError(f"The board says: {type(error).__name__}: {error}") from None
        return "\n".join(map(str, self.chip.said[begin:])) + "\n"

    ask = link.Link.ask
    write = link.Link.write


def prompt(**more):
    """The prompt of a new board, by simulated_chip's options."""
    return Prompt(Chip(**more))

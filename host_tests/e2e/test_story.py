"""The whole story: one board, broker, station, real sockets. On MicroPython it is told by
`make demo HEADLESS=1`; here too, if everything is tried.
"""

import pytest
from rich.console import Console

from thoroughness import share
from umeter_sim.story import tell


@pytest.mark.parametrize("runtime", share(["cpython", "micropython"], ["cpython"]))
def test_the_story_holds(runtime, tmp_path, capsys):
    console = Console(force_terminal=False, width=120)
    assert tell(runtime, console, tmp_path), capsys.readouterr().out

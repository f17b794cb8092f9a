"""The whole story on both interpreters: one board, broker, station, real sockets."""

import pytest
from rich.console import Console

from umeter_sim.story import tell


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_the_story_holds(runtime, tmp_path, capsys):
    console = Console(force_terminal=False, width=120)
    assert tell(runtime, console, tmp_path), capsys.readouterr().out

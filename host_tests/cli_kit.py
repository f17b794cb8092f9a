"""`umeter-station` as the tests run it, in this process and with room for its tables."""

from typer.testing import CliRunner

from station_kit import NOW_S
from umeter_station import config
from umeter_station.cli import app


def run(home, *arguments, **more):
    """The command on this home; more: `input`."""
    words = ["--home", str(home), *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, words, env={"COLUMNS": "250"}, **more)


def squeezed(output):
    """Its lines with single blanks."""
    return [" ".join(line.split()) for line in output.splitlines()]


def told(home, *arguments):
    """What a command that succeeds prints, squeezed."""
    done = run(home, *arguments)
    assert done.exit_code == 0, done.output
    return squeezed(done.stdout)


def clocked_home(folder):
    """A station's home whose time is NOW_S."""
    (folder / "clock").write_bytes((NOW_S * 1000).to_bytes(8, "little"))
    return config.create_home(folder, "mqtt://127.0.0.1", str(folder / "clock")).home

"""What a command of the station imports before it does anything."""

import subprocess
import sys

import pytest

_ASK = "import sys, umeter_station.cli; print(*sys.modules)"


@pytest.fixture(scope="module")
def imported():
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["numpy", "scipy", "pyarrow", "fastapi", "amqtt", "stripe"])
def test_a_command_does_not_wait_for_what_few_of_them_need(imported, package):
    assert "umeter_station.cli_watch" in imported
    assert package not in imported

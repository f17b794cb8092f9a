"""What the station's end-to-end tests wait with, and an ingest that can be killed."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

TIMEOUT_S = 60.0
_TOOLS = Path(__file__).resolve().parents[1] / "tools"


def until(condition, meanwhile=lambda: None):
    """Wait for a condition."""
    end_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        meanwhile()
        time.sleep(0.02)


@contextmanager
def ingest_process(home):
    """`umeter-station run` for this home, killed in the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "umeter_station.cli", "--home", str(home), "run", "ingest"],
        env={**os.environ, "PYTHONPATH": str(_TOOLS)},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()

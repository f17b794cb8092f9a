"""The scenario files, and what of one does not hold."""

from pathlib import Path
from unittest import mock

import scenario_runner
from umeter.core import transient

FOLDER = Path(__file__).resolve().parent / "scenarios"
SCENARIOS = {
    f"{path.stem}: {text.splitlines()[0][2:]}": (f"{path.name}:", first_line, text)
    for path in sorted(FOLDER.glob("*.txt"))
    for first_line, text in scenario_runner.split(path.read_text())
}


def failures(name, mode):
    """What fails of a scenario, a sentence each. mode: "plain", "cuts" or "torn"."""
    where, first_line, text = SCENARIOS[name]
    # A board forgets its transient modules for the sake of its heap; here it costs time only.
    with mock.patch.object(transient, "_forget", lambda name: None):
        checks, found = scenario_runner.run(text, mode, first_line)
    assert checks > 0 or "\nuncut\n" in text
    return [where + failure for failure in found]

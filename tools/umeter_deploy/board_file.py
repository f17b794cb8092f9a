"""Board files, judged on the host by the firmware's own validator."""

import importlib.util
from pathlib import Path

_VALIDATOR = Path(__file__).resolve().parents[2] / "firmware" / "umeter" / "hal" / "board_check.py"


def check_board(document) -> None:
    """ValueError, one sentence, if the parsed board.json is not good."""
    spec = importlib.util.spec_from_file_location("umeter_board_check", _VALIDATOR)
    validator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(validator)
    validator.check(document)

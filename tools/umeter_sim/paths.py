"""Where things are in the repository."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
DEMO = BUILD / "demo"
FIRMWARE = ROOT / "firmware"
BOARDS = ROOT / "boards"
BOARD_SIDE = Path(__file__).parent / "board"
NODE_SIDE = Path(__file__).parent / "runtimes" / "node"
SHIMS = Path(__file__).parent / "runtimes" / "shims"
CHIP = Path(__file__).parent / "runtimes" / "chip"
INTERPRETER = (
    ROOT / "node_modules" / "@micropython" / "micropython-webassembly-pyscript" / "micropython.mjs"
)


def _umqtt() -> Path:
    """The folder that holds umqtt/simple.py: that of set-up, or what the environment's UMQTT
    names, a file or such a folder.
    """
    given = os.environ.get("UMQTT")
    if not given:
        return BUILD / "umqtt"
    path = Path(given).resolve()
    if (path / "umqtt" / "simple.py").is_file():
        return path
    if not path.is_file():
        raise FileNotFoundError(f"UMQTT={given} is neither a simple.py nor has umqtt/simple.py")
    folder = BUILD / "umqtt_given" / "umqtt"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / "simple.py")
    return folder.parent


UMQTT = _umqtt()
SSD1306 = BUILD / "ssd1306"

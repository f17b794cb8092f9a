"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
FIRMWARE = ROOT / "firmware"
BOARDS = ROOT / "boards"
BOARD_SIDE = Path(__file__).parent / "board"
NODE_SIDE = Path(__file__).parent / "runtimes" / "node"
SHIMS = Path(__file__).parent / "runtimes" / "shims"
UMQTT = BUILD / "umqtt"
INTERPRETER = (
    ROOT / "node_modules" / "@micropython" / "micropython-webassembly-pyscript" / "micropython.mjs"
)

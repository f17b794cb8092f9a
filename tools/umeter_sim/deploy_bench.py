"""What it takes to bring a meter to a board over its serial port."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from umeter_deploy import files, parts
from umeter_deploy.deploy import Deployed, deploy
from umeter_deploy.link import BAUD, Link
from umeter_sim.lone_site import lone_site
from umeter_sim.paths import BOARDS
from umeter_sim.serial_port import SerialBoard

_BITS_A_BYTE = 10  # on the wire


def run(progress: Callable[[str], None]) -> dict[str, Any]:
    """deploy_seconds_simulated: of the first deployment to a board with nothing but MicroPython,
    the time that its bytes, in both directions, take on a wire of 115 200 baud; what the real chip
    needs to write them to its flash comes to it. deploy_second_bytes: what a second one copies.
    """
    site = lone_site("m1")
    board = json.loads((BOARDS / "sim8" / "board.json").read_text())
    software = parts.software(board, site)
    with (
        tempfile.TemporaryDirectory() as folder,
        SerialBoard(site=site, workdir=Path(folder), bare=True, speed=16) as there,
    ):
        progress("deploying to a bare board")
        _deployed(there, software, board, site)
        wire_s = (there.typed_bytes + len(there.said)) * _BITS_A_BYTE / BAUD
        progress("deploying the same again")
        second = _deployed(there, software, board, site)
    return {
        "deploy_seconds_simulated": round(wire_s, 1),
        "deploy_second_bytes": second.sent,
    }


def _deployed(
    there: SerialBoard, software: dict[str, bytes], board: dict[str, Any], site: dict[str, Any]
) -> Deployed:
    documents = {"board.json": files.board_text(board), "site.json": files.site_text(site)}
    with Link(there.port) as link:
        return deploy(link, software, {name: text.encode() for name, text in documents.items()})

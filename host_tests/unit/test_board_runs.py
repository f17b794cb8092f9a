"""Every board of the repository on the simulated site, as its board.json wires it."""

import json
from pathlib import Path

import pytest

from umeter_sim.board_api import open_board
from umeter_sim.front_rig import UNITS_PER_WH, FrontRig
from umeter_sim.lone_site import lone_site

PATHS = sorted((Path(__file__).resolve().parents[2] / "boards").glob("*/board.json"))
LOADS_DW = [10_000, 23_000, 7_000]
MINUTE_MS = 60_000

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)


@each
def test_it_starts(path, tmp_path):
    with open_board(
        runtime="cpython", board_dir=path.parent, site=lone_site("m"), workdir=tmp_path
    ) as sim:
        sim.start()
        sim.run_for(5_000)
        assert len(sim.log) == 1 and sim.log[0].endswith(" runs: meter m")


@each
def test_each_relay_feeds_its_user_and_each_meter_measures_it(path):
    board = json.loads(path.read_text())
    board.pop("hand", None)  # it wants a whole meter
    for channel in board["channels"]:
        channel.pop("button", None)
    rig = FrontRig(board, LOADS_DW)
    rig.set_contact(0, False)
    rig.run(1_000)  # an expander is written in the next tick
    before = [rig.drawn(channel.index) for channel in rig.channels]
    rig.run(MINUTE_MS)
    assert rig.drawn(0) == before[0]
    for channel in rig.channels[1:]:
        drawn = rig.drawn(channel.index)
        assert drawn - before[channel.index] >= LOADS_DW[channel.index % 3] * MINUTE_MS
        # A pulse, or a step of a register, is 1 Wh.
        assert abs(drawn - rig.booked(channel.index)) <= 2 * UNITS_PER_WH

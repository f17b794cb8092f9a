"""Every front end on the simulated board, in MicroPython: alone, and three kinds mixed."""

import json

import pytest

from thoroughness import one_in
from umeter_sim.board_api import open_board
from umeter_sim.front_boards import BOARDS
from umeter_sim.lone_site import lone_site

UNITS_PER_WH = 36_000_000
LOADS_DW = [30_000, 5000, 400, 12_000]
MINUTES = 3

MIXED = {
    "name": "mixed",
    "mcu": "esp32",
    "relays": {"type": "gpio", "pins": [16, 17, 18, 19, 23, 25, 26, 27], "active": "high"},
    "buses": {
        "s": {
            "type": "spi",
            "id": 2,
            "sck": 14,
            "mosi": 13,
            "miso": 35,
            "polarity": 1,
            "phase": 1,
        },
        "a": {"type": "uart", "id": 1, "tx": 33, "rx": 34},
    },
    "channels": [
        *({"frontend": "atm90e32", "bus": "s", "cs": 4, "input": name} for name in "abc"),
        *({"frontend": "s0", "pin": pin, "imp_per_kwh": 1000} for pin in (21, 22)),
        *({"frontend": "pzem", "bus": "a", "address": i} for i in (1, 2, 3)),
    ],
}


def powered(document, folder):
    (folder / "board").mkdir()
    (folder / "board" / "board.json").write_text(json.dumps(document))
    sim = open_board(
        site=lone_site("m1"), workdir=folder, board_dir=folder / "board", loads=LOADS_DW
    )
    # Credit for all, as if bought: then the contacts close.
    sim.ask("eval", expression="[c.account.credit(10**12) for c in app.meter.channels] and 0")
    return sim


@pytest.mark.parametrize("kind", one_in(9, ["mixed", *BOARDS]))
def test_every_channel_books_what_its_load_draws(kind, tmp_path):
    document = MIXED if kind == "mixed" else BOARDS[kind][0]
    with powered(document, tmp_path) as sim:
        sim.run_for(MINUTES * 60_000)
        expression = "[[c.sample.units_per_count, c.sample.fresh] for c in app.meter.channels]"
        counts = sim.ask("eval", expression=expression)["value"]
        truth = sim.ask("truth")["channels"]
        meter = sim.ask("meter")
        for channel, true, (units, fresh) in zip(meter["channels"], truth, counts, strict=True):
            booked = channel["wh"] * UNITS_PER_WH + channel["residual"]
            drawn = true["wh"] * UNITS_PER_WH + true["residual"]
            assert true["contact"] and channel["contact"]
            assert drawn > 0
            # A count, and what the power of one second says beside it.
            assert abs(booked - drawn) <= 2 * units + true["power_dw"] * 1000
            assert fresh >= MINUTES * 60 * 10 // 15, "read at least each 1.5 s"
        assert meter["worst_gap_ms"] <= 150


def test_a_dead_module_of_one_kind_is_no_matter_to_the_others(tmp_path):
    with powered(MIXED, tmp_path) as sim:
        sim.run_for(20_000)
        sim.ask("fault", kind="dead", ch=7, value=True)
        sim.ask("fault", kind="dead", ch=2, value=True)
        sim.run_for(90_000)
        meter = sim.ask("meter")["channels"]
        assert [bool(channel["claims"] & 128) for channel in meter] == [
            number in (0, 1, 2, 6)  # of the dead module, and of the chip that three share
            for number in range(8)
        ]

"""The drivers of SPI and I2C chips, and these chips, in the interpreter of the board."""

import json
import types
from pathlib import Path

from chip_kit import I2C, SPI
from chip_kit import ade7953_document as ade7953
from chip_kit import atm90e32_document as atm90e32
from umeter_deploy.board_check import for_board
from umeter_sim.build import build_firmware
from umeter_sim.paths import BOARD_SIDE, SHIMS
from umeter_sim.runtimes.namespace import Namespace
from umeter_sim.upy import run_script

SCRIPTS = Path(__file__).parent / "scripts"


def boards():
    documents = [atm90e32(3), atm90e32(2, times=2), ade7953(2, SPI), ade7953(2, I2C)]
    return json.dumps([for_board(document)["channels"] for document in documents])


def test_polls_need_no_heap_and_read_the_same_there():
    lock = types.SimpleNamespace(
        heap_lock=lambda: None, heap_unlock=lambda: None, const=lambda value: value
    )
    firmware = Path(__file__).parents[2] / "firmware"
    here = Namespace([SCRIPTS, BOARD_SIDE, firmware, SHIMS], {"micropython": lock}, None, print)
    told = here.load("spi_chips").run(boards())
    found = json.loads(told)
    assert [len(samples) for samples in found] == [3, 2, 2, 2]
    for samples in found:
        for count, fresh, bad, power_dw, voltage_dv, _, silent_ms in samples:
            assert count > 0 and fresh > 80 and bad == 0 and silent_ms <= 300
            assert power_dw > 1000 and 2297 < voltage_dv < 2303
    paths = [build_firmware().folder, BOARD_SIDE]
    assert json.loads(run_script(SCRIPTS / "spi_chips.py", arg=boards(), paths=paths)) == found

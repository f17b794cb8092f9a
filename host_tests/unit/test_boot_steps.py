"""What boot.py does with the steps of board.json that open every contact, on a fake chip."""

import json
import sys
import time
import types
from pathlib import Path

import pytest

from umeter_deploy import files

REPOSITORY = Path(__file__).resolve().parents[2]
BOOT = (REPOSITORY / "firmware" / "boot.py").read_text()


class Chip(types.ModuleType):
    """A `machine` module that writes down what is driven and said. `broken`: what raises."""

    def __init__(self):
        super().__init__("machine")
        log = self.log = []
        self.broken = broken = set()

        class Pin:
            OUT, OPEN_DRAIN = 3, 7

            def __init__(self, number, mode=-1, pull=-1, value=None):
                if not isinstance(number, int) or not 0 <= number < 40:
                    raise ValueError("invalid pin")
                self.number = number
                if mode != -1:
                    log.append(("drain" if mode == Pin.OPEN_DRAIN else "pin", number, value))

            def value(self, level):
                log.append(("pin", self.number, level))

        class SoftI2C:
            def __init__(self, scl, sda, freq):
                self.wires = (scl.number, sda.number, freq)

            def writeto(self, address, data):
                if address in broken:
                    raise OSError(19)
                log.append(("i2c", *self.wires, address, bytes(data).hex()))

        class UART:
            def __init__(self, number, baudrate, tx, rx):
                log.append(("uart", number, baudrate, tx, rx))

            def write(self, data):
                if "uart" in broken:
                    raise OSError(5)
                log.append(("sent", bytes(data).hex()))

            def flush(self):
                log.append(("flushed",))

        self.Pin, self.SoftI2C, self.UART = Pin, SoftI2C, UART


@pytest.fixture
def chip(monkeypatch, tmp_path):
    chip = Chip()
    monkeypatch.setitem(sys.modules, "machine", chip)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(time, "sleep_ms", lambda ms: chip.log.append(("ms", ms)), raising=False)
    monkeypatch.setattr(time, "sleep_us", lambda us: None, raising=False)
    monkeypatch.chdir(tmp_path)
    return chip


def boot():
    names = {}
    exec(compile(BOOT, "boot.py", "exec"), names)
    return names


def put(*steps):
    """A board.json that nobody has checked."""
    Path("board.json").write_text(json.dumps({"safe": steps}))


def test_a_checked_board(chip):
    document = json.loads((REPOSITORY / "boards" / "sim8" / "board.json").read_text())
    Path("board.json").write_text(files.board_text(document))
    names = boot()
    assert chip.log == [("pin", pin, 0) for pin in (16, 17, 18, 19, 23, 25, 26, 27)]
    assert "_STEPS" not in names and "_open_contacts" not in names


@pytest.mark.parametrize("level", [0, 1])
def test_pins_get_their_level_with_their_direction(chip, level):
    put(["pin", 4, level], ["pin", 27, level])
    boot()
    assert chip.log == [("pin", 4, level), ("pin", 27, level)]


@pytest.mark.parametrize("level", [0, 1])
def test_a_pulse_ends_and_the_supply_may_rest(chip, level):
    put(["pulse", 17, level, 100, 200])
    boot()
    assert chip.log == [("pin", 17, level), ("ms", 100), ("pin", 17, 1 - level), ("ms", 200)]


def test_a_pulse_that_is_interrupted_ends(chip, monkeypatch):
    def stop(ms):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep_ms", stop, raising=False)
    put(["pulse", 17, 1, 100, 200])
    with pytest.raises(KeyboardInterrupt):
        boot()
    assert chip.log == [("pin", 17, 1), ("pin", 17, 0)]


def test_i2c_frees_the_bus_first(chip):
    put(["i2c", 22, 21, 100_000, 0x20, "01ff"], ["i2c", 22, 21, 100_000, 0x20, "0300"])
    boot()
    assert chip.log[:2] == [("drain", 22, 1), ("drain", 21, 1)]
    assert chip.log[2:20] == [("pin", 22, 0), ("pin", 22, 1)] * 9
    said = [entry for entry in chip.log if entry[0] == "i2c"]
    assert said == [("i2c", 22, 21, 100_000, 0x20, "01ff"), ("i2c", 22, 21, 100_000, 0x20, "0300")]


def test_shift_goes_highest_bit_first_and_latches_at_the_end(chip):
    put(["shift", 7, 5, 6, "a501"])
    boot()
    assert chip.log[:3] == [("pin", 7, 0), ("pin", 5, 0), ("pin", 6, 0)]
    taken = []
    data = latches = 0
    for _, pin, level in chip.log[3:]:
        if pin == 7:
            data = level
        elif pin == 5 and level:
            assert not latches
            taken.append(data)
        elif pin == 6 and level:
            latches += 1
    assert int("".join(map(str, taken)), 2) == 0xA501 and len(taken) == 16
    assert latches == 1 and chip.log[-1] == ("pin", 6, 0)


def test_uart_drives_its_line_only_while_it_sends(chip):
    put(["uart", 1, 19, 18, 9600, 32, "010f"], ["uart", 2, 17, 16, 19200, -1, "02"])
    boot()
    first = [("uart", 1, 9600, 19, 18), ("pin", 32, 1), ("sent", "010f"), ("flushed",)]
    second = [("uart", 2, 19200, 17, 16), ("sent", "02"), ("flushed",)]
    assert chip.log == [*first, ("pin", 32, 0), *second]


def test_uart_lets_the_line_go_after_a_failure(chip, capsys):
    chip.broken.add("uart")
    put(["uart", 1, 19, 18, 9600, 32, "010f"])
    boot()
    assert chip.log[-2:] == [("pin", 32, 1), ("pin", 32, 0)]
    assert "cannot be done" in capsys.readouterr().out


def test_what_cannot_be_done_keeps_nothing_else_from_being_done(chip, capsys):
    chip.broken.add(0x24)
    steps = [["pin", 99, 0], ["pin", "x", 0], ["pin"], ["turn", 3], [], 7, None]
    put(*steps, ["i2c", 22, 21, 100_000, 0x24, "ff"], ["shift", 1, 2, 3, "xy"], ["pin", 17, 0])
    boot()
    assert chip.log[-1] == ("pin", 17, 0)
    assert capsys.readouterr().out.count("cannot be done") == len(steps) + 2


NOTHING = [
    None,
    "",
    "{",
    "[]",
    "3",
    "null",
    "{}",
    '{"safe": 5}',
    '{"safe": null}',
    '{"relays": 5}',
]


@pytest.mark.parametrize("text", NOTHING)
def test_any_board_file_is_survived(chip, capsys, text):
    if text is not None:
        Path("board.json").write_text(text)
    boot()
    assert chip.log == []
    assert capsys.readouterr().out.count("\n") == 1

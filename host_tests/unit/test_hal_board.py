"""What is built from board.json, on a fake chip."""

import importlib
import json
import sys
import types
from pathlib import Path

import pytest

from umeter_deploy import files

REPOSITORY = Path(__file__).resolve().parents[2]


class Chip(types.ModuleType):
    """A `machine` module that writes down what is made and driven."""

    def __init__(self):
        super().__init__("machine")
        chip = self
        self.driven = []
        self.uarts = []
        self.counters = []
        self.pulled_up = []

        class Pin:
            IN, OUT, PULL_UP = 1, 3, 2

            def __init__(self, number, mode, pull=None, value=None):
                if not isinstance(number, int) or not 0 <= number < 40:
                    raise ValueError("invalid pin")
                self.number = number
                if pull == Pin.PULL_UP:
                    chip.pulled_up.append(number)
                if mode == Pin.OUT:
                    chip.driven.append((number, value))

        class UART:
            INV_TX = 32

            def __init__(self, number, **options):
                self.written = []
                chip.uarts.append((number, options, self))

            def any(self):
                return 0

            def write(self, data):
                self.written.append(bytes(data))

        class Counter:
            FALLING = 2

            def __init__(self, number, pin, **options):
                chip.counters.append((number, pin.number, options))

            def value(self):
                return 0

        self.Pin, self.UART, self.Counter = Pin, UART, Counter


@pytest.fixture
def chip(monkeypatch, tmp_path):
    chip = Chip()
    monkeypatch.setitem(sys.modules, "machine", chip)
    monkeypatch.chdir(tmp_path)
    return chip


@pytest.fixture
def hal_board(chip, monkeypatch):
    monkeypatch.delitem(sys.modules, "umeter.hal.board", raising=False)
    yield importlib.import_module("umeter.hal.board")
    sys.modules.pop("umeter.hal.board", None)


def part(name):
    """As the composition gives it."""
    return importlib.import_module("umeter." + name)


def put_board(name, **changes):
    document = json.loads((REPOSITORY / "boards" / name / "board.json").read_text())
    Path("board.json").write_text(files.board_text(document | changes))


def test_sim8(hal_board, chip):
    put_board("sim8")
    board = hal_board.load(part)
    relays = [16, 17, 18, 19, 23, 25, 26, 27]
    assert chip.driven == [(pin, 0) for pin in relays]
    assert board.name == "sim8"
    assert board.p_max_dw == [250_000] * 8
    assert len(board.samples) == 8 and len(board.buses) == 1
    assert all(s.units_per_count == 36_000_000 and s.keeps_register for s in board.samples)
    assert all(s.modulus == 10_000_000 for s in board.samples)
    [(number, options, uart)] = chip.uarts
    assert number == 1 and (options["tx"], options["rx"], options["baudrate"]) == (33, 34, 9600)
    board.buses[0].poll(100)
    assert uart.written == [bytes.fromhex("01040000000A700D")]
    assert [s.silent_ms for s in board.samples] == [100] * 8


def test_sim_mixed(hal_board, chip):
    put_board("sim_mixed")
    board = hal_board.load(part)
    assert chip.driven == [(pin, 1) for pin in (16, 17, 18, 19, 23)]
    assert board.p_max_dw == [100_000, 250_000, 50_000, 250_000, 250_000]
    counts = [s.units_per_count for s in board.samples]
    assert counts == [36_000_000, 36_000_000, 18_000_000, 36_000_000, 36_000_000]
    assert [s.keeps_register for s in board.samples] == [False, True, False, True, True]
    assert [counter[:2] for counter in chip.counters] == [(0, 14), (1, 13)]
    assert chip.counters[0][2]["edge"] == chip.Counter.FALLING
    for bus in board.buses:
        bus.poll(100)
    # A pulse input reads at once; the bus has asked its first module, that of channel 2.
    assert [s.fresh for s in board.samples] == [1, 0, 1, 0, 0]
    assert chip.uarts[0][2].written[0][0] == 17


def test_a_front_end_that_no_channel_uses_is_not_imported(hal_board, monkeypatch):
    monkeypatch.delitem(sys.modules, "umeter.frontend.s0", raising=False)
    put_board("sim8")
    hal_board.load(part)
    assert "umeter.frontend.s0" not in sys.modules


def test_what_a_hand_moves_is_polled_like_a_bus(hal_board, chip, monkeypatch):
    monkeypatch.delitem(sys.modules, "umeter.hal.inputs", raising=False)
    put_board("sim8")
    assert hal_board.load(part).devices == []
    assert "umeter.hal.inputs" not in sys.modules
    channels = json.loads(Path("board.json").read_text())["channels"]
    channels[2] |= {"button": 5, "volts_behind_contact": True}
    allowed = {"2": "the LED goes to ground", "5": "a button to ground, let go at the start"}
    put_board("sim8", cover={"gpio": 4}, channels=channels, allow_strapping=allowed)
    board = hal_board.load(part)
    assert chip.pulled_up == [4, 5]
    assert board.devices == [board.buses[-1]]
    assert [sample.behind for sample in board.samples] == [0, 0, 1, 0, 0, 0, 0, 0]


def test_an_inverting_transmitter(hal_board, chip):
    bus = {"type": "uart", "id": 2, "tx": 33, "rx": 34, "baud": 4800, "invert_tx": True}
    put_board("sim8", buses={"a": bus})
    hal_board.load(part)
    number, options, _ = chip.uarts[0]
    assert number == 2 and options["invert"] == chip.UART.INV_TX and options["baudrate"] == 4800


def test_site(hal_board):
    site = {"meter": "m1", "key": "ab" * 32, "wifi": [{"ssid": "a"}], "broker": {"host": "b"}}
    Path("site.json").write_text(files.site_text(site | {"plain_tcp": True}))
    site = hal_board.load_site()
    assert site["meter"] == "m1" and site["key"] == b"\xab" * 32
    assert site["wifi"] == [{"ssid": "a", "password": ""}]
    (broker,) = site["brokers"]
    assert (broker["host"], broker["port"], broker["user"], broker["tls"]) == ("b", 1883, None, 0)


UNCHECKED = "was not checked, or was changed since: umeter check writes one that is"


@pytest.mark.parametrize("name", ["board.json", "site.json"])
@pytest.mark.parametrize(
    "text, fault",
    [
        (None, "is not there: copy it to the board first"),
        ("", "is not valid JSON"),
        ("{", "is not valid JSON"),
        ("[]", UNCHECKED),
        ("7", UNCHECKED),
        ("{}", UNCHECKED),
        ((REPOSITORY / "boards" / "sim8" / "board.json").read_text(), UNCHECKED),
        ('{"checked":"00000000","relays":{}}', UNCHECKED),
    ],
    ids=["missing", "empty", "cut", "list", "number", "object", "as written", "wrong stamp"],
)
def test_a_file_that_cannot_be_used_drives_no_pin(hal_board, chip, name, text, fault):
    if text is not None:
        Path(name).write_text(text)
    with pytest.raises(ValueError) as refusal:
        hal_board.load(part) if name == "board.json" else hal_board.load_site()
    assert str(refusal.value) == name + " " + fault
    assert chip.driven == []

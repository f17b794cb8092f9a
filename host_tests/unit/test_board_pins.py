"""The pins of each chip: what cannot work is refused whatever it is to be used for."""

import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter_deploy.board_check import check
from umeter_deploy.board_pins import PINS

BOARDS = [
    json.loads(path.read_text())
    for path in sorted((Path(__file__).resolve().parents[2] / "boards").glob("*/board.json"))
]
# By chip: four pins that can do all.
GOOD = {
    "esp32": [18, 19, 21, 22],
    "esp32s2": [4, 5, 6, 7],
    "esp32s3": [4, 5, 6, 7],
    "esp32c3": [3, 4, 5, 10],
    "esp32c6": [18, 19, 20, 21],
}
PLACES = {
    "relays.pins[0]": True,
    "buses.a.tx": True,
    "buses.a.rx": False,
    "led.pin": True,
    "power_fail.pin": False,
    "channels[0].button": False,
}


def board(mcu, **changed):
    """A small board of this chip; changed: place -> GPIO."""
    relay, tx, rx, button = GOOD[mcu]
    document = {
        "name": "small",
        "mcu": mcu,
        "relays": {"type": "gpio", "pins": [relay], "active": "high"},
        "buses": {"a": {"type": "uart", "id": 1, "tx": tx, "rx": rx}},
        "channels": [{"frontend": "pzem", "bus": "a", "address": 1, "button": button}],
    }
    for path, gpio in changed.items():
        put(document, path, gpio)
    return document


def put(document, path, value):
    """Set the value at a path such as "relays.pins[0].set"."""
    *way, last = [int(k) if k.isdigit() else k for k in re.findall(r"\w+", path)]
    for key in way:
        document = document.setdefault(key, {"active": "high"}) if key not in (0,) else document[0]
    document[last] = value


def refusal(document):
    with pytest.raises(ValueError) as refused:
        check(document)
    text = str(refused.value)
    assert text.startswith("board.json: ") and "\n" not in text
    return text


@pytest.mark.parametrize("mcu", PINS)
def test_a_table_of_pins_agrees_with_itself(mcu):
    chip = PINS[mcu]
    check(board(mcu))
    known = set(range(chip.last + 1))
    for gpios in (
        chip.forbidden, chip.strapping, chip.at_reset, chip.input_only, chip.no_pulls,
        chip.power_up, chip.notes, *chip.psram.values(),
    ):  # fmt: skip
        assert set(gpios) <= known
    assert not set(chip.forbidden) & set(chip.strapping)
    assert set(chip.no_pulls) <= set(chip.input_only)
    assert bool(chip.input_only) == bool(chip.input_only_why)
    assert set(chip.at_reset.values()) <= {"up", "down"}


@given(st.sampled_from(list(PINS)), st.sampled_from(list(PLACES)), st.integers(-3, 60))
def test_any_pin_of_any_chip_anywhere(mcu, place, gpio):
    chip = PINS[mcu]
    document = board(mcu, **{place: gpio})
    if not 0 <= gpio <= chip.last:
        assert "a whole number from 0 to %d" % chip.last in refusal(document)
    elif gpio in chip.forbidden:
        assert "another pin: " + chip.forbidden[gpio] in refusal(document)
    elif PLACES[place] and gpio in chip.input_only:
        assert chip.input_only_why in refusal(document)
    elif gpio in chip.strapping:
        assert "no strapping pin, unless allow_strapping says" in refusal(document)
        document["allow_strapping"] = {str(gpio): "it has been thought about"}
        check(document)
    elif gpio not in GOOD[mcu]:
        check(document)


@given(st.sampled_from(BOARDS), st.data())
def test_no_pin_can_be_had_twice(board, data):
    places = {path: what[1] for what, path in check(board).uses.items() if what[0] == "GPIO"}
    one = data.draw(st.sampled_from(sorted(places)))
    other = data.draw(st.sampled_from(sorted(set(places) - {one})))
    document = copy.deepcopy(board)
    where = document
    *way, last = [int(k) if k.isdigit() else k for k in re.findall(r"\w+", one)]
    for key in way:
        where = where[key]
    where[last] = places[other]
    refusal(document)


@pytest.mark.parametrize(
    "mcu, psram, gpio",
    [
        ("esp32", "quad", 16),
        ("esp32", "quad", 17),
        *(("esp32s3", "octal", n) for n in range(33, 38)),
    ],
)
def test_pins_of_extra_ram(mcu, psram, gpio):
    document = board(mcu, **{"led.pin": gpio})
    check(document)
    document["psram"] = psram
    assert "RAM" in refusal(document)


@pytest.mark.parametrize(
    "mcu, psram", [("esp32c3", "quad"), ("esp32", "octal"), ("esp32c6", None)]
)
def test_ram_that_the_chip_cannot_have(mcu, psram):
    assert "psram is %r, it must be" % psram in refusal(board(mcu) | {"psram": psram})


@pytest.mark.parametrize(
    "mcu, wires, free",
    [
        ("esp32", [23, 25, 26], [4, 13, 14, 16, 17, 18, 19, 21]),
        ("esp32s2", [1, 2, 3], [4, 5, 6, 7]),
        ("esp32s3", [1, 2, 4], [5, 6, 7, 8]),
        ("esp32c6", [18, 19, 20], [0, 1, 2, 3]),
        ("esp32c3", [3, 4, 5], []),
    ],
)
def test_as_many_pulse_channels_as_the_chip_has_counters(mcu, wires, free):
    assert PINS[mcu].counters == len(free)
    relays = dict(zip(("data", "clock", "latch"), wires, strict=True))
    relays |= {"type": "shift", "active": "low", "bits": list(range(8))}
    pulses = [{"frontend": "s0", "pin": pin, "imp_per_kwh": 1000} for pin in [*free, 10]]
    document = {"name": "pulses", "mcu": mcu, "relays": relays, "channels": pulses[:-1] or [{}]}
    if free:
        check(document)
    if len(free) < 8:  # the 8 of the ESP32 are as many as there can be channels
        said = refusal(document | {"channels": pulses})
        assert "channels[%d] needs a pulse counter" % len(free) in said
        assert "this chip has %s;" % (len(free) or "no") in said


@pytest.mark.parametrize(
    "mcu, kind, unit",
    [("esp32c3", "i2c", 1), ("esp32c3", "spi", 2), ("esp32c6", "uart", 2), ("esp32s2", "uart", 2)],
)
def test_units_that_a_small_chip_lacks(mcu, kind, unit):
    document = board(mcu)
    document["buses"]["more"] = {"type": kind, "id": unit} | {
        "uart": {"tx": 0, "rx": 1}, "i2c": {"scl": 0, "sda": 1},
        "spi": {"sck": 0, "mosi": 1, "miso": 2},
    }[kind]  # fmt: skip
    assert "buses.more.id is %d, it must be one of: " % unit in refusal(document)

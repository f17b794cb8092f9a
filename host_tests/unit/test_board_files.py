"""board.json: what is not right is refused in a sentence that says where."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter_deploy import files
from umeter_deploy.board_check import check

BOARDS = sorted((Path(__file__).resolve().parents[2] / "boards").glob("*/board.json"))
SIM8 = json.loads(next(p for p in BOARDS if p.parent.name == "sim8").read_text())
ALL = [json.loads(path.read_text()) for path in BOARDS]
MIXED = json.loads(next(p for p in BOARDS if p.parent.name == "sim_mixed").read_text())
GONE = object()
BL0942 = {"frontend": "bl0942", "bus": "a", "address": 0, "divider_ohm": [1_950_000, 510],
          "shunt_uohm": 1000}  # fmt: skip


def changed(board, path, value):
    """A copy of the board with the value at a path such as "relays.pins.0", or its words, replaced
    or gone.
    """
    board = copy.deepcopy(board)
    if not path:
        return value
    *way, last = path.split(".") if isinstance(path, str) else path
    at = board
    for key in way:
        at = at[int(key) if isinstance(at, list) else key]
    last = int(last) if isinstance(at, list) else last
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return board


REFUSED = [
    (SIM8, "", [], "the document is [], it must be an object with the keys name, mcu"),
    (SIM8, "mcu", GONE, "the document lacks the key 'mcu'"),
    (SIM8, "relay", {}, "the document has an unknown key 'relay', its keys are name, mcu, relays"),
    (SIM8, "mcu", "esp8266", "mcu is 'esp8266', it must be one of: esp32, esp32s2, esp32s3"),
    (SIM8, "mcu", "esp32s3", "allow_strapping has an unknown key '2', its keys are 0, 3, 45, 46"),
    (SIM8, "psram", True, "psram is True, it must be one of: quad"),
    (SIM8, "psram", "octal", "psram is 'octal', it must be one of: quad"),
    (SIM8, "psram", "quad", "relays.pins[0] is 16, it must be another pin: GPIO 16 and 17 carry"),
    (SIM8, "name", "", "name is '', it must be a text of 1 to 32 characters"),
    (SIM8, "name", 8, "name is 8, it must be a text"),
    (SIM8, "relays.type", "pcf8574", "relays.type is 'pcf8574', it must be one of: gpio, i2c"),
    (SIM8, "relays.active", "hi", "relays.active is 'hi', it must be one of: high, low"),
    (SIM8, "relays", [], "relays is [], it must be an object with the key 'type'"),
    (SIM8, "relays.type", GONE, "relays lacks the key 'type', one of: gpio, i2c, latching"),
    (SIM8, "relays.pinz", [], "relays has an unknown key 'pinz', its keys are type, pins, active"),
    (SIM8, "relays.pins", [], "relays.pins is [], it must be a list of 1 to 8"),
    (SIM8, "relays.pins", "16", "relays.pins is '16', it must be a list"),
    (SIM8, "relays.pins", [4] * 9, "it must be a list of 1 to 8"),
    (SIM8, "relays.pins.0", "16", "relays.pins[0] is '16', it must be a whole number"),
    (SIM8, "relays.pins.0", True, "relays.pins[0] is True, it must be a whole number"),
    (SIM8, "relays.pins.0", 40, "relays.pins[0] is 40, it must be a whole number from 0 to 39"),
    (SIM8, "relays.pins.1", 16, "relays.pins[1] is GPIO 16, which is taken by relays.pins[0]"),
    (SIM8, "relays.pins.2", 33, "relays.pins[2] is GPIO 33, which is taken by buses.a.tx"),
    (SIM8, "relays.pins.3", 34, "relays.pins[3] is 34, it must be a pin with an output: GPIO 34"),
    (SIM8, "relays.pins.0", 6, "it must be another pin: GPIO 6-11 carry the flash"),
    (SIM8, "relays.pins.0", 11, "it must be another pin: GPIO 6-11 carry the flash"),
    (SIM8, "relays.pins.0", 1, "it must be another pin: GPIO 1 and 3 are the console"),
    (SIM8, "relays.pins.0", 24, "it must be another pin: this one is not brought out"),
    (SIM8, "relays.pins.4", 12, 'it must be no strapping pin, unless allow_strapping says {"12"'),
    (SIM8, "relays.pins.4", 0, "relays.pins[4] is 0, it must be no strapping pin"),
    (SIM8, "relays.pins.4", 5, "relays.pins[4] is 5, it must be no strapping pin"),
    (SIM8, "relays.pins.4", 15, "relays.pins[4] is 15, it must be no strapping pin"),
    (SIM8, "allow_strapping", GONE, "led.pin is 2, it must be no strapping pin"),
    (SIM8, "allow_strapping", True, "allow_strapping is True, it must be an object"),
    (SIM8, "allow_strapping.2", True, "allow_strapping.2 is True, it must be the reason why"),
    (SIM8, "allow_strapping.2", "ok", "allow_strapping.2 is 'ok', it must be the reason why"),
    (SIM8, "allow_strapping.16", "a good reason", "allow_strapping has an unknown key '16'"),
    (SIM8, "buses", [], "buses is [], it must be an object of named buses"),
    (SIM8, "buses.a", 1, "buses.a is 1, it must be an object with the key 'type'"),
    (SIM8, "buses.a.type", "can", "buses.a.type is 'can', it must be one of: uart, i2c, spi"),
    (SIM8, "buses.a.type", "spi", "buses.a has an unknown key 'tx', its keys are type, id, sck"),
    (SIM8, "buses.a.id", 0, "buses.a.id is 0, it must be one of: 1, 2"),
    (SIM8, "buses.a.id", True, "buses.a.id is True, it must be one of: 1, 2"),
    (SIM8, "buses.a.tx", 35, "buses.a.tx is 35, it must be a pin with an output: GPIO 34"),
    (SIM8, "buses.a.de", 35, "buses.a.de is 35, it must be a pin with an output: GPIO 34"),
    (SIM8, "buses.a.parity", 2, "buses.a.parity is 2, it must be one of: None, 0, 1"),
    (SIM8, "buses.a.stop", 0, "buses.a.stop is 0, it must be one of: 1, 2"),
    (SIM8, "buses.i", {"type": "i2c", "id": 2, "scl": 22, "sda": 21},
     "buses.i.id is 2, it must be one of: 0, 1"),
    (SIM8, "buses.i", {"type": "i2c", "id": 0, "scl": 22, "sda": 36},
     "buses.i.sda is 36, it must be a pin with an output"),
    (SIM8, "buses.i", {"type": "i2c", "id": 0, "scl": 22, "sda": 21, "hertz": 1000},
     "buses.i.hertz is 1000, it must be one of: 100000, 400000"),
    (SIM8, "buses.s", {"type": "spi", "id": 0, "sck": 14, "mosi": 13, "miso": 35},
     "buses.s.id is 0, it must be one of: 1, 2"),
    (SIM8, "buses.s", {"type": "spi", "id": 1, "sck": 14, "mosi": 13, "miso": 33},
     "buses.s.miso is GPIO 33, which is taken by buses.a.tx"),
    (SIM8, "buses.s", {"type": "spi", "id": 1, "sck": 14, "mosi": 13, "miso": 35, "phase": 2},
     "buses.s.phase is 2, it must be one of: 0, 1"),
    (SIM8, "buses.a.rx", 33, "buses.a.rx is GPIO 33, which is taken by buses.a.tx"),
    (SIM8, "buses.a.baud", 300, "buses.a.baud is 300, it must be a whole number from 1200"),
    (SIM8, "buses.a.invert_tx", 1, "buses.a.invert_tx is 1, it must be true or false"),
    (SIM8, "buses.a.rts", 4, "buses.a has an unknown key 'rts'"),
    (SIM8, "buses.b", {"type": "uart", "id": 1, "tx": 4, "rx": 35},
     "buses.b.id is UART 1, which is taken by buses.a.id"),
    (SIM8, "channels", {}, "channels is {}, it must be a list of 1 to 8"),
    (SIM8, "channels", SIM8["channels"] * 2, "it must be a list of 1 to 8"),
    (MIXED, "relays.pins", [16, 17], "it must be a list of 1 to 2"),
    (SIM8, "channels.0", 5, "channels[0] is 5, it must be an object"),
    (SIM8, "channels.0", {}, "channels[0] lacks the key 'frontend'"),
    (SIM8, "channels.0.frontend", "pzem16", "frontend is 'pzem16', it must be one of: ade7953"),
    (SIM8, "channels.0.frontend", "s0", "channels[0] has an unknown key 'bus'"),
    (SIM8, "channels.0.address", GONE, "channels[0] lacks the key 'address'"),
    (SIM8, "channels.0.address", 248, "address is 248, it must be a whole number from 1 to 247"),
    (SIM8, "channels.0.address", 0, "channels[0].address is 0, it must be a whole number"),
    (SIM8, "channels.1.address", 1,
     "channels[1].address is module 1 of bus a, which is taken by channels[0].address"),
    (SIM8, "channels.0.bus", "b", "channels[0].bus is 'b', it must be one of: a"),
    (SIM8, "buses", GONE, "it must be one of: (there is no bus of type uart)"),
    (SIM8, "channels.0.max_w", 25_001, "max_w is 25001, it must be a whole number from 100"),
    (SIM8, "channels.0.max_w", 2300.5, "channels[0].max_w is 2300.5, it must be a whole number"),
    (MIXED, "channels.0.pin", 13, "channels[2].pin is GPIO 13, which is taken by channels[0].pin"),
    (MIXED, "channels.0.pin", 12, "channels[0].pin is 12, it must be no strapping pin"),
    (MIXED, "channels.0.imp_per_kwh", 700, "imp_per_kwh is 700, it must be a divisor of"),
    (MIXED, "channels.0.imp_per_kwh", 10, "imp_per_kwh is 10, it must be a whole number from 100"),
    (SIM8, "led", 2, "led is 2, it must be an object with the keys pin, active"),
    (SIM8, "led.active", "on", "led.active is 'on', it must be one of: high, low"),
    (SIM8, "led.pin", 36, "led.pin is 36, it must be a pin with an output: GPIO 34-39"),
    (SIM8, "power_fail", {"pin": 35}, "power_fail lacks the key 'active'"),
    (SIM8, "power_fail", {"pin": 16, "active": "low"},
     "power_fail.pin is GPIO 16, which is taken by relays.pins[0]"),
    (SIM8, "power_fail", {"pin": 35, "active": 1}, "power_fail.active is 1, it must be one of"),
    (SIM8, "about", [], "about is [], it must be an object with the keys source, verified, unv"),
    (SIM8, "about", {"source": ["the datasheet"]}, "about lacks the key 'verified'"),
    (SIM8, "about", {"source": [], "verified": False}, "about.source is [], it must be a list"),
    (SIM8, "about", {"source": ["see https://x"], "verified": False},
     "about.source[0] is 'see https://x', it must be some words, without addresses"),
    (SIM8, "about", {"source": ["the datasheet"], "verified": 0}, "about.verified is 0, it must"),
    (SIM8, "about", {"source": ["the datasheet"], "verified": False, "unverified": ["led"]},
     "about.unverified is ['led'], it must be an object"),
    (SIM8, "about", {"source": ["the datasheet"], "verified": False, "unverified": {"led": ""}},
     "about.unverified.led is '', it must be some words"),
    (SIM8, "about", {"source": ["the datasheet"], "verified": True,
     "unverified": {"led": "nobody looked"}}, "about.verified is True, it must be false as long"),
    (SIM8, "cover", 4, "cover is 4, it must be an object with the keys gpio, active_low"),
    (SIM8, "cover", {"pin": 4}, "cover has an unknown key 'pin', its keys are gpio, active_low"),
    (SIM8, "cover", {"gpio": 16}, "cover.gpio is GPIO 16, which is taken by relays.pins[0]"),
    (SIM8, "cover", {"gpio": 4, "active_low": 1}, "cover.active_low is 1, it must be true or fal"),
    (SIM8, "channels.1.button", 33, "channels[1].button is GPIO 33, which is taken by buses.a.tx"),
    (SIM8, "channels.3", BL0942, "channels[3].bus is 'a', it must be another UART: this one"),
    (SIM8, "channels.1.button", "4", "channels[1].button is '4', it must be a whole number"),
    (SIM8, "channels.0.volts_behind_contact", 1, "volts_behind_contact is 1, it must be true or"),
    (MIXED, "channels.0.volts_behind_contact", True, "has an unknown key 'volts_behind_contact'"),
]  # fmt: skip


@pytest.mark.parametrize(
    "board, path, value, sentence", REFUSED, ids=[f"{i}-{row[1]}" for i, row in enumerate(REFUSED)]
)
def test_refused(board, path, value, sentence):
    document = changed(board, path, value)
    with pytest.raises(ValueError) as refusal:
        check(document)
    text = str(refusal.value)
    assert sentence in text
    assert text.startswith("board.json: ") and "\n" not in text


ACCEPTED = [
    (SIM8, "led", GONE),
    (SIM8, "power_fail", {"pin": 35, "active": "low"}),
    (SIM8, "buses.a.baud", 19_200),
    (SIM8, "buses.a.invert_tx", True),
    (SIM8, "channels.7", {"frontend": "s0", "pin": 35, "imp_per_kwh": 1000}),
    (SIM8, "channels", SIM8["channels"][:3]),
    (SIM8, "channels.0.max_w", 2300),
    (SIM8, "about", {"source": ["the datasheet"], "verified": True}),
    (SIM8, "buses.i", {"type": "i2c", "id": 0, "scl": 22, "sda": 21, "hertz": 400_000}),
    (SIM8, "buses.s", {"type": "spi", "id": 1, "sck": 14, "mosi": 13, "miso": 35}),
    (SIM8, "buses.a.de", 13),
    (SIM8, "cover", {"gpio": 36, "active_low": True}),
    (SIM8, "channels.0.button", 39),
    (SIM8, "channels.0.volts_behind_contact", True),
    (MIXED, "channels.0.button", 4),
    (SIM8, "buses.unused", {"type": "uart", "id": 2, "tx": 32, "rx": 35}),
]


@pytest.mark.parametrize("board, path, value", ACCEPTED, ids=[row[1] for row in ACCEPTED])
def test_accepted(board, path, value):
    check(changed(board, path, value))


def places(value, way=()):
    """The path of everything in a document."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, item in inner:
        yield (*way, str(key))
        yield from places(item, (*way, str(key)))


WORDS = ["a", "i2c", "spi", "rs485", "high", "pzem", "s0", "atm90e32", "shift", "gpio"]
SCALARS = st.none() | st.booleans() | st.integers(-300, 300) | st.floats() | st.text(max_size=9)
JSON = st.recursive(
    SCALARS | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(ALL), st.data(), JSON | st.just(GONE))
def test_anything_anywhere_is_taken_or_refused_in_a_sentence(board, data, value):
    path = data.draw(st.sampled_from(sorted(places(board))))
    document = changed(board, path, value)
    try:
        files.board_text(document)
    except ValueError as refusal:
        assert str(refusal).startswith("board.json: ") and "\n" not in str(refusal)

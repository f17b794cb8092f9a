"""board.json: every board of the repository is right, and all else is refused in a sentence."""

import copy
import json
from pathlib import Path

import pytest

from umeter_deploy.board_check import check

BOARDS = sorted((Path(__file__).resolve().parents[2] / "boards").glob("*/board.json"))
SIM8 = json.loads(next(p for p in BOARDS if p.parent.name == "sim8").read_text())
MIXED = json.loads(next(p for p in BOARDS if p.parent.name == "sim_mixed").read_text())
GONE = object()


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.parent.name)
def test_every_board_is_right_and_says_how_it_is_wired(path):
    board = json.loads(path.read_text())
    check(board)
    assert board["name"] == path.parent.name
    assert (path.parent / "README.md").read_text().startswith("# " + board["name"])


def test_sim8_is_eight_modules_on_one_bus():
    assert SIM8["relays"]["pins"] == [16, 17, 18, 19, 23, 25, 26, 27]
    assert [c["address"] for c in SIM8["channels"]] == list(range(1, 9))
    assert {c["frontend"] for c in SIM8["channels"]} == {"pzem"}


def changed(board, path, value):
    """A copy of the board with the value at a path such as "relays.pins.0" replaced, or gone."""
    board = copy.deepcopy(board)
    if not path:
        return value
    *way, last = path.split(".")
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
    (SIM8, "mcu", "esp32s3", "mcu is 'esp32s3', it must be one of: esp32"),
    (SIM8, "name", "", "name is '', it must be a text of 1 to 32 characters"),
    (SIM8, "name", 8, "name is 8, it must be a text"),
    (SIM8, "relays.type", "pcf8574", "relays.type is 'pcf8574', it must be one of: gpio"),
    (SIM8, "relays.active", "hi", "relays.active is 'hi', it must be one of: high, low"),
    (SIM8, "relays.pinz", [], "relays has an unknown key 'pinz', its keys are type, pins, active"),
    (SIM8, "relays.pins", [], "relays.pins is [], it must be a list of 1 to 8"),
    (SIM8, "relays.pins", "16", "relays.pins is '16', it must be a list"),
    (SIM8, "relays.pins", [4] * 9, "it must be a list of 1 to 8"),
    (SIM8, "relays.pins.0", "16", "relays.pins[0] is '16', it must be a whole number"),
    (SIM8, "relays.pins.0", True, "relays.pins[0] is True, it must be a whole number"),
    (SIM8, "relays.pins.0", 40, "relays.pins[0] is 40, it must be a whole number from 0 to 39"),
    (SIM8, "relays.pins.1", 16, "relays.pins[1] is GPIO 16, which is taken by relays.pins[0]"),
    (SIM8, "relays.pins.2", 33, "buses.a.tx is GPIO 33, which is taken by relays.pins[2]"),
    (SIM8, "relays.pins.3", 34, "relays.pins[3] is 34, it must be a pin below 34: GPIO 34-39 are"),
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
    (SIM8, "buses.a", 1, "buses.a is 1, it must be an object with the keys type, id, tx, rx"),
    (SIM8, "buses.a.type", "spi", "buses.a.type is 'spi', it must be one of: uart"),
    (SIM8, "buses.a.id", 0, "buses.a.id is 0, it must be a whole number from 1 to 2"),
    (SIM8, "buses.a.tx", 35, "buses.a.tx is 35, it must be a pin below 34"),
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
    (SIM8, "channels.0.frontend", "pzem16", "frontend is 'pzem16', it must be one of: pzem"),
    (SIM8, "channels.0.frontend", "s0", "channels[0] has an unknown key 'bus'"),
    (SIM8, "channels.0.address", GONE, "channels[0] lacks the key 'address'"),
    (SIM8, "channels.0.address", 248, "address is 248, it must be a whole number from 1 to 247"),
    (SIM8, "channels.0.address", 0, "channels[0].address is 0, it must be a whole number"),
    (SIM8, "channels.1.address", 1,
     "channels[1].address is module 1 of bus a, which is taken by channels[0].address"),
    (SIM8, "channels.0.bus", "b", "channels[0].bus is 'b', it must be one of: a"),
    (SIM8, "buses", GONE, "channels[0].bus is 'a', it must be one of: (buses is empty)"),
    (SIM8, "channels.0.max_w", 25_001, "max_w is 25001, it must be a whole number from 100"),
    (SIM8, "channels.0.max_w", 2300.5, "channels[0].max_w is 2300.5, it must be a whole number"),
    (MIXED, "channels.0.pin", 13, "channels[2].pin is GPIO 13, which is taken by channels[0].pin"),
    (MIXED, "channels.0.pin", 12, "channels[0].pin is 12, it must be no strapping pin"),
    (MIXED, "channels.0.imp_per_kwh", 700, "imp_per_kwh is 700, it must be a divisor of"),
    (MIXED, "channels.0.imp_per_kwh", 10, "imp_per_kwh is 10, it must be a whole number from 100"),
    (SIM8, "led", 2, "led is 2, it must be an object with the keys pin, active"),
    (SIM8, "led.active", "on", "led.active is 'on', it must be one of: high, low"),
    (SIM8, "led.pin", 36, "led.pin is 36, it must be a pin below 34"),
    (SIM8, "power_fail", {"pin": 35}, "power_fail lacks the key 'active'"),
    (SIM8, "power_fail", {"pin": 16, "active": "low"},
     "power_fail.pin is GPIO 16, which is taken by relays.pins[0]"),
    (SIM8, "power_fail", {"pin": 35, "active": 1}, "power_fail.active is 1, it must be one of"),
    (SIM8, "cover", 4, "cover is 4, it must be an object with the keys gpio, active_low"),
    (SIM8, "cover", {"pin": 4}, "cover has an unknown key 'pin', its keys are gpio, active_low"),
    (SIM8, "cover", {"gpio": 16}, "cover.gpio is GPIO 16, which is taken by relays.pins[0]"),
    (SIM8, "cover", {"gpio": 4, "active_low": 1}, "cover.active_low is 1, it must be true or fal"),
    (SIM8, "channels.1.button", 33, "channels[1].button is GPIO 33, which is taken by buses.a.tx"),
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
    (SIM8, "cover", {"gpio": 36, "active_low": True}),
    (SIM8, "channels.0.button", 39),
    (SIM8, "channels.0.volts_behind_contact", True),
    (MIXED, "channels.0.button", 4),
    (SIM8, "buses.unused", {"type": "uart", "id": 2, "tx": 32, "rx": 35}),
]


@pytest.mark.parametrize("board, path, value", ACCEPTED, ids=[row[1] for row in ACCEPTED])
def test_accepted(board, path, value):
    check(changed(board, path, value))

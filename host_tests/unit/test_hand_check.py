"""board.json's rules for the local hand."""

import json

import pytest

from umeter_deploy import board_check, files
from umeter_sim.paths import BOARDS

I2C = {"i": {"type": "i2c", "id": 0, "scl": 22, "sda": 21}}


def document(hand, **more):
    """sim8 with a hand."""
    made = json.loads((BOARDS / "sim8" / "board.json").read_text())
    made["buses"] |= I2C
    made["allow_strapping"]["0"] = "the BOOT button, let go while the board starts"
    return made | {"hand": hand} | more


@pytest.mark.parametrize(
    "hand",
    [
        {},  # the led alone
        {"select": 0, "act": 4},
        {"select": 0, "maintenance": 0},
        {"select": 0, "maintenance": 13},
        {"act": 4, "display": {"bus": "i"}},
        {"display": {"bus": "i", "address": 0x3D}},
        {"buzzer": {"pin": 13, "active": "low"}},
        {"buzzer": {"pin": 13, "tone_hz": 2700}},
    ],
)
def test_good_hands(hand):
    made = document(hand)
    board_check.check(made)
    assert json.loads(files.board_text(made))["hand"] == hand


@pytest.mark.parametrize(
    "hand, fault",
    [
        ([], "hand is [], it must be an object"),
        ({"selekt": 1}, "hand has an unknown key 'selekt', its keys are select, act"),
        ({"select": 2}, "hand.select is GPIO 2, which is taken by led.pin"),
        ({"select": 0, "act": 0}, "hand.act is GPIO 0, which is taken by hand.select"),
        ({"select": 0, "act": 4, "maintenance": 4}, "hand.maintenance is GPIO 4, which is taken"),
        ({"act": 4}, "hand.act is for the user whom hand.select selects or hand.display shows"),
        ({"buzzer": {"pin": 13}}, "hand.buzzer is {'pin': 13}, it must be with active"),
        ({"buzzer": 13}, "hand.buzzer is 13, it must be an object"),
        ({"buzzer": {"pin": 13, "active": "on"}}, "hand.buzzer.active is 'on', it must be one of"),
        ({"buzzer": {"pin": 13, "tone_hz": 20}}, "a whole number from 200 to 10000"),
        ({"buzzer": {"pin": 36, "tone_hz": 2000}}, "hand.buzzer.pin is 36, it must be a pin with"),
        ({"display": {"bus": "a"}}, "hand.display.bus is 'a', it must be one of: i"),
        ({"display": {"bus": "i", "address": 0x27}}, "hand.display.address is 39, it must be one"),
    ],
)
def test_refusals(hand, fault):
    with pytest.raises(ValueError) as refusal:
        board_check.check(document(hand))
    assert fault in str(refusal.value)


def test_a_hand_without_anything():
    made = document({})
    del made["led"]
    with pytest.raises(ValueError, match=r"hand is \{\}, it must be an object with at least one"):
        board_check.check(made)

"""What board.json may say of relays, and the steps that open them."""

import pytest

from relay_kit import WIRED, document
from umeter_deploy.board_check import check, for_board

WIRE = {"type": "uart", "id": 1, "tx": 19, "rx": 18}
BUSES = {"i": WIRED, "r": WIRE}
PCF = {"chip": "pcf8574", "address": 0x24, "bits": [0, 1]}
TCA = {"chip": "tca9554", "address": 0x20, "bits": [0, 7]}
MCP = {"chip": "mcp23017", "address": 0x21, "bits": [1, 15]}
I2C = {"type": "i2c", "bus": "i", "active": "low", "chips": [PCF]}
SHIFT = {"type": "shift", "data": 33, "clock": 26, "latch": 25, "active": "low", "bits": [0, 1]}
LATCHING = {"type": "latching", "coils": 2, "active": "high", "pins": [[16, 17], [23, 25]]}
MODBUS = {"type": "modbus", "bus": "r", "address": 1, "coils": [0, 1]}
NINE = [0, 1, 2, 3, 4, 5, 6, 7, 8]

REFUSED = [
    ({**I2C, "bus": "r"}, "relays.bus is 'r', it must be one of: i"),
    ({**I2C, "active": "high"}, 'it must be "low" with a pcf8574: all its outputs are high when'),
    ({**I2C, "chips": []}, "relays.chips is [], it must be a list of 1 to 8"),
    ({**I2C, "chips": [{**PCF, "chip": "pcf8575"}]}, "one of: pcf8574, tca9554, mcp23017"),
    ({**I2C, "chips": [{**PCF, "address": 0x40}]}, "relays.chips[0].address is 64, it must be"),
    ({**I2C, "chips": [{**MCP, "address": 0x38}]}, "relays.chips[0].address is 56, it must be"),
    ({**I2C, "chips": [{**PCF, "bits": [8]}]}, "bits[0] is 8, it must be a whole number from 0"),
    ({**I2C, "chips": [{**PCF, "bits": [3, 3]}]}, "bits[1] is bit 3 of relays.chips[0], which is"),
    ({**I2C, "chips": [PCF, PCF]}, "chips[1].address is module 36 of bus i, which is taken by"),
    ({**I2C, "chips": [{**MCP, "bits": NINE[:7]}, TCA]}, "relays.chips is 9, it must be together"),
    ({**SHIFT, "bits": [8]}, "relays.bits[0] is 8, it must be a whole number from 0 to 7"),
    ({**SHIFT, "bits": [1, 1]}, "relays.bits[1] is bit 1 of the chain, which is taken by"),
    ({**SHIFT, "chips": 5}, "relays.chips is 5, it must be a whole number from 1 to 4"),
    ({**SHIFT, "oe": 26}, "relays.oe is GPIO 26, which is taken by relays.clock"),
    ({**LATCHING, "coils": 3}, "relays.coils is 3, it must be one of: 1, 2"),
    (
        {**LATCHING, "pins": [16, 17]},
        "relays.pins[0] is 16, it must be a pair of GPIOs, [set, res",
    ),
    ({**LATCHING, "coils": 1, "pins": [[16]]}, "must be a pair of GPIOs, [forward, backward]"),
    (
        {**LATCHING, "pins": [[16, 17], [23, 17]]},
        "relays.pins[1].reset is GPIO 17, which is taken by relays.pins[0].reset",
    ),
    ({**LATCHING, "pins": [[16, 34]]}, "relays.pins[0].reset is 34, it must be a pin"),
    ({**LATCHING, "pulse_ms": 5000}, "relays.pulse_ms is 5000, it must be a whole number from 20"),
    ({**MODBUS, "bus": "i"}, "relays.bus is 'i', it must be one of: p, r"),
    ({**MODBUS, "bus": "p"}, "another UART"),
    ({**MODBUS, "address": 0}, "relays.address is 0, it must be a whole number from 1 to 247"),
    ({**MODBUS, "coils": [0, 0]}, "relays.coils[1] is coil 0 of the relay board, which is taken"),
    ({**MODBUS, "coils": [16]}, "relays.coils[0] is 16, it must be a whole number from 0 to 15"),
    ({**MODBUS, "coils": NINE}, "it must be a list of 1 to 8"),
]


@pytest.mark.parametrize("relays, fault", REFUSED)
def test_what_is_wrong_is_said(relays, fault):
    with pytest.raises(ValueError) as refusal:
        check(document(relays, BUSES))
    assert fault in str(refusal.value) and str(refusal.value).startswith("board.json: ")


@pytest.mark.parametrize(
    "relays, bus, fault",
    [
        (I2C, {"i": {**WIRED, "hertz": 400_000}}, "buses.i.hertz is 400000, it must be 100000: a"),
        (MODBUS, {"r": {**WIRE, "stop": 2}}, "buses.r.stop is 2, it must be left out"),
    ],
)
def test_what_is_wrong_with_the_bus_is_said(relays, bus, fault):
    with pytest.raises(ValueError) as refusal:
        check(document(relays, bus))
    assert fault in str(refusal.value)


I2C_STEP = ["i2c", 22, 21, 100_000]
STEPS = [
    ({**I2C}, [[*I2C_STEP, 0x24, "ff"]]),
    (
        {**I2C, "active": "high", "chips": [TCA]},
        [[*I2C_STEP, 0x20, "017e"], [*I2C_STEP, 0x20, "037e"]],
    ),
    (
        {**I2C, "chips": [TCA, MCP]},
        [
            [*I2C_STEP, 0x20, "01ff"],
            [*I2C_STEP, 0x20, "037e"],
            [*I2C_STEP, 0x21, "14ffff"],
            [*I2C_STEP, 0x21, "00fd7f"],
        ],
    ),
    ({**SHIFT, "chips": 2}, [["shift", 33, 26, 25, "ffff"]]),
    ({**SHIFT, "oe": 13}, [["pin", 13, 1], ["shift", 33, 26, 25, "ff"], ["pin", 13, 0]]),
    (
        {**LATCHING, "active": "low", "pulse_ms": 80},
        [
            *[["pin", gpio, 1] for gpio in (16, 17, 23, 25)],
            ["pulse", 17, 0, 80, 200],
            ["pulse", 25, 0, 80, 200],
        ],
    ),
    # The CRC of the first is that of the example in the Modbus guide of a common relay board.
    ({**MODBUS, "coils": NINE[:8]}, [["uart", 1, 19, 18, 9600, -1, "010f0000000801" + "00fe95"]]),
]


@pytest.mark.parametrize("relays, steps", STEPS)
def test_the_steps_that_open_all(relays, steps):
    good = document(relays, BUSES)
    check(good)
    assert for_board(good)["safe"] == steps


def test_the_steps_of_a_bus_with_more_to_say():
    good = document(MODBUS, {"r": {**WIRE, "baud": 115_200, "de": 4}})
    ((*step, frame),) = for_board(good)["safe"]
    assert step == ["uart", 1, 19, 18, 115_200, 4] and frame.startswith("010f000000020100")

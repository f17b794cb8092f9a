"""What board.json may say of shunts, dividers and transformers, and what becomes of it."""

import copy
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.frontend.belling import times
from umeter_deploy import analog, board_check
from umeter_deploy.kinds import front_bl0906, front_bl0942, front_hlw8012

SHUNT = {"shunt_uohm": 1000, "divider_ohm": [1_950_000, 510]}
CT = {"ct_ratio": 2000, "burden_mohm": 10_200, "divider_ohm": [99_900, 100]}


def document(channels, baud=9600):
    return {
        "name": "test",
        "mcu": "esp32",
        "relays": {"type": "gpio", "pins": [16, 17, 18, 19, 23, 25], "active": "high"},
        "buses": {"a": {"type": "uart", "id": 1, "tx": 33, "rx": 34, "baud": baud}},
        "channels": channels,
    }


def bl0942(address=0, **more):
    return {"frontend": "bl0942", "bus": "a", "address": address, **SHUNT, **more}


def bl0906(number=1, **more):
    return {"frontend": "bl0906", "bus": "a", "input": number, **CT, **more}


def pulses(**more):
    return {"frontend": "hlw8012", "chip": "bl0937", "pin": 14, **SHUNT, **more}


def without(channel, key):
    return {name: value for name, value in channel.items() if name != key}


@pytest.mark.parametrize(
    "made",
    [
        document([bl0942(i) for i in range(4)]),
        document([bl0942(mains_hz=60, max_w=5000)], 4800),
        document([bl0906(i + 1) for i in range(6)], 19_200),
        document([pulses()]),
        document([pulses(chip="hlw8012", counts_per_kwh=348_000)]),
    ],
)
def test_good_documents(made):
    before = copy.deepcopy(made)
    board_check.check(made)
    given_channels = board_check.for_board(made)["channels"]
    assert made == before
    assert all(1_000 <= one["units"] < 1 << 30 for one in given_channels)


@pytest.mark.parametrize(
    "made, words",
    [
        (document([bl0942(4)]), r"channels\[0\]\.address is 4"),
        (document([bl0942(1), bl0942(1)]), "taken by channels"),
        (document([bl0942()], 19_200), r"buses\.a\.baud is 19200, it must be one of: 9600, 4800"),
        (document([bl0906()], 9600), r"buses\.a\.baud is 9600, it must be one of: 19200"),
        (document([bl0906(1), bl0906(1)], 19_200), "taken by channels"),
        (document([bl0906(7)], 19_200), r"channels\[0\]\.input is 7"),
        (document([bl0942(burden_mohm=5)]), "both shunt_uohm and burden_mohm"),
        (document([without(bl0942(), "shunt_uohm")]), r"channels\[0\]\.ct_ratio is None"),
        (document([bl0942(divider_ohm=[1])]), r"\[ohms above, ohms below\]"),
        (document([bl0942(divider_ohm=["1", 510])]), r"divider_ohm\[0\]"),
        (document([bl0942(mains_hz=55)]), "mains_hz is 55"),
        (document([bl0942(max_w=20_000)]), "max_w is 20000, it must be 7425 or less"),
        (document([bl0942(shunt_uohm=50, divider_ohm=[10_000_000, 10])]), "too coarse|a count of"),
        (document([pulses(chip="cse7766")]), "chip is 'cse7766'"),
        (document([pulses(pin=6)]), r"channels\[0\]\.pin is 6"),
        (document([pulses(counts_per_kwh=1)]), "counts_per_kwh is 1"),
        (document([bl0942(gain=3)]), "unknown key 'gain'"),
    ],
)
def test_bad_documents_are_refused_with_a_sentence(made, words):
    with pytest.raises(ValueError, match=words) as refused:
        board_check.check(made)
    assert str(refused.value).startswith("board.json: ")


def test_constants_of_the_reference_boards():
    reference = front_bl0942.derived(bl0942(), {})
    k, s = reference["power"]
    assert 10 / (k / 2 ** (12 + s)) == pytest.approx(623.39, rel=1e-5)
    k, s = reference["voltage"]
    assert 10 / (k / 2 ** (12 + s)) == pytest.approx(15_883, rel=1e-4)
    k, s = reference["current"]
    assert 1000 / (k / 2 ** (12 + s)) == pytest.approx(251_213, rel=1e-5)
    # 24 bits of count: 3135 kWh.
    assert reference["units"] * (1 << 24) // 36_000_000_000 == 3135
    counted = front_bl0942.derived(bl0942(counts_per_kwh=3305), {})
    assert counted["units"] * (1 << 24) // 36_000_000_000 == 5076
    athom = front_bl0906.derived(bl0906(), {})
    k, s = athom["power"]
    assert 10 / (k / 2 ** (12 + s)) == pytest.approx(171.27, rel=1e-4)
    assert front_hlw8012.derived(pulses(divider_ohm=[2_350_000, 1000]), {})["units"] == 20_260


def test_max_w_is_what_the_chip_can_measure_unless_it_is_given():
    assert front_bl0942.derived(bl0942(), {})["max_w"] == 7425
    assert front_bl0942.derived(bl0942(max_w=3000), {})["max_w"] == 3000
    assert front_bl0906.derived(bl0906(burden_mohm=1000), {})["max_w"] == 25_000


@given(
    st.fractions(min_value=Fraction(1, 10**6), max_value=31),
    st.integers(0, (1 << 24) - 1),
)
def test_the_firmwares_multiplication_is_exact_to_a_hundred_thousandth(factor, value):
    ratio = analog.ratio("channels[0]", factor)
    assert ratio[0] * 4095 + ratio[0] < 1 << 30 and ratio[1] >= 0
    exact = value * factor
    assert exact * (1 - Fraction(1, 10**5)) - 2 <= times(value, ratio)
    assert times(value, ratio) <= exact * (1 + Fraction(1, 10**5))

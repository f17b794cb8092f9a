"""The rules of board.json for ATM90E32 and ADE7953, and what is worked out for the board."""

import importlib
import sys
import types

import pytest

from chip_kit import I2C, SPI
from chip_kit import ade7953_document as ade7953
from chip_kit import atm90e32_document as atm90e32
from umeter_deploy.board_check import check, for_board


def changed(document, channel=0, bus=None, **changes):
    document["channels"][channel].update(changes)
    document["buses"]["m"].update(bus or {})
    return document


@pytest.mark.parametrize("document", [atm90e32(3), ade7953(2, I2C), ade7953(2, SPI)])
def test_good_ones(document):
    kit = check(document)
    assert [path for (what, *_), path in kit.uses.items() if what == "GPIO" and "cs" in path] == (
        ["channels[0].cs"] if "cs" in document["channels"][0] else []
    )


@pytest.mark.parametrize(
    "document, fault",
    [
        (changed(atm90e32(), bus={"polarity": 0}), "buses.m must have polarity 1 and phase 1"),
        (changed(atm90e32(), bus={"hertz": 4_000_000}), "buses.m.hertz is 4000000"),
        (changed(atm90e32(), input="n"), "channels[0].input is 'n'"),
        (changed(atm90e32(2), 1, input="a"), "input a of the chip at GPIO 5, which is taken"),
        (changed(atm90e32(2), 1, pga=4), "channels[1].pga is 4, it must be 2 as on its chip"),
        (changed(atm90e32(2), 1, times=2), "channels[1].times is 2, it must be 1 as on its chip"),
        (changed(atm90e32(), u_gain=65_535), "channels[0].u_gain is 65535"),
        (changed(atm90e32(), pga=3), "channels[0].pga is 3, it must be one of: 1, 2, 4"),
        (changed(atm90e32(), line_hertz=55), "channels[0].line_hertz is 55"),
        (changed(atm90e32(), cs=16), "GPIO 16"),
        (changed(ade7953(), cs=4), "channels[0].cs is 4, it must be left out"),
        (changed(ade7953(1, SPI), bus={"phase": 1}), "buses.m must have polarity 0 and phase 0"),
        (changed(ade7953(2), 1, input="a"), "which is taken by channels[0].input"),
        (changed(ade7953(2), 1, divider_ohm=[1000, 10]), "is at full scale at 35 V"),
        (changed(ade7953(1), ct_turns=2000), "channels[0].ct_turns is 2000, it must be left out"),
        (changed(ade7953(1), shunt_uohm=50_000, pga=16), "it must be 100 to 1000 V and 1 to 140"),
        (changed(ade7953(2), 1, pga=22), "channels[1].pga is 22"),
        (changed(ade7953(1), divider_ohm=5), "channels[0].divider_ohm is 5"),
    ],
)  # fmt: skip
def test_bad_ones_are_refused_in_a_sentence(document, fault):
    with pytest.raises(ValueError) as refusal:
        check(document)
    assert fault in str(refusal.value)


def test_what_the_board_gets_of_an_atm90e32():
    first = for_board(changed(atm90e32(), max_w=13_800, line_hertz=60, pga=4))["channels"][0]
    assert first["mmode0"] == 0x1087 and first["mmode1"] == 0x2A
    assert (first["u_gain"], first["i_gain"], first["times"]) == (7305, 27_961, 1)
    assert first["start"] * 32 // 100 == 2000  # mW
    assert first["lap_ms"] == 53_426  # 204.8 Wh at 13.8 kW


def test_what_the_board_gets_of_an_ade7953():
    """The scale of a Shelly EM, as others have measured it: 154 in AWATT is 1 W, 26 000 in VRMS
    1 V, 100 000 in IRMS 1 A, 6.58 of energy are 1 Ws.
    """
    first = for_board(ade7953())["channels"][0]
    assert abs(2**20 * 10 / first["watt"] / 154 - 1) < 0.01
    assert abs(2**24 * 10 / first["volt"] / 26_000 - 1) < 0.01
    assert abs(2**24 * 1000 / first["amp"] / 100_000 - 1) < 0.01
    assert abs(64 * 10_000 / first["units"] / 6.58 - 1) < 0.01
    assert first["lap_ms"] > 4 * 25_000
    transformer = changed(ade7953(1), ct_turns=2000, burden_mohm=7800)
    del transformer["channels"][0]["shunt_uohm"]
    check(transformer)
    again = for_board(transformer)["channels"][0]
    assert again["amp"] == first["amp"] and again["b"] == 0


def test_factors_are_small_enough_for_the_arithmetic_of_the_board():
    largest = changed(ade7953(1), shunt_uohm=2530, divider_ohm=[1_886_000, 1000])
    check(largest)
    made = for_board(largest)["channels"][0]
    for key in ("watt", "amp", "volt"):
        assert 0xFFF * made[key] < 1 << 30 and 2400 * made[key] < 1 << 30
    assert made["units"] < 1 << 30


def test_the_port_of_an_spi_bus(monkeypatch):
    driven = []
    machine = types.ModuleType("machine")

    class Pin:
        OUT = 3

        def __init__(self, number, mode=None, value=None):
            self.number = number
            driven.append((number, mode, value))

    class SPI:
        def __init__(self, number, **options):
            self.number, self.options = number, options

    machine.Pin, machine.SPI = Pin, SPI
    machine.UART = machine.I2C = machine.Counter = None
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.delitem(sys.modules, "umeter.hal.spi", raising=False)
    monkeypatch.delitem(sys.modules, "umeter.hal.board", raising=False)
    bus = atm90e32()["buses"]["m"]
    port = importlib.import_module("umeter.hal.board")._spi(bus)
    for name in ("umeter.hal.spi", "umeter.hal.board"):
        sys.modules.pop(name)
    assert port.spi.number == 2
    options = {key: getattr(value, "number", value) for key, value in port.spi.options.items()}
    assert options == {
        "baudrate": 1_000_000, "polarity": 1, "phase": 1, "sck": 18, "mosi": 23, "miso": 19,
    }  # fmt: skip
    driven.clear()
    assert isinstance(port.pin(5, 1), Pin)
    assert driven == [(5, 3, 1)], "its level before it drives"

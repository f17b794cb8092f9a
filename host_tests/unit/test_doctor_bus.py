"""PZEM modules on a bus: found, told apart, given addresses; on the simulated board's wires."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_kit import prompt
from simulated_chip import board
from umeter.frontend import pzem
from umeter_deploy import doctor_bus
from umeter_deploy.doctor_bus import BusError, Module, exchange_on, request, scan, set_address

BUS = board()["buses"]["a"]
WANTED = [1, 2, 3, 4]


@pytest.fixture
def there():
    return prompt(loads=[1000, 2000, 3000, 4000, 6000])


def exchange(there):
    return exchange_on(there, BUS)


def modules(there):
    return [place.meter for place in there.chip.site.site.places[:4]]


def alone(there, index):
    for other, module in enumerate(modules(there)):
        module.faults.dead = other != index
    return modules(there)[index]


def test_the_manufacturer_s_frame_for_an_address():
    assert request(0xF8, 6, 2, 1) == bytes.fromhex("F806 0002 0001 FDA3")


@given(st.binary(max_size=40))
def test_the_checksum_is_the_firmware_s(data):
    assert doctor_bus.crc16(data) == pzem.crc16(data, len(data))


def test_who_is_there_is_found_with_what_it_measures(there):
    there.chip.close(2)
    steps = []
    found = scan(exchange(there), WANTED, lambda done, whole: steps.append((done, whole)))
    assert [module.address for module in found] == WANTED
    assert not any(module.garbled for module in found)
    assert found[1].power_dw == 2000 and found[0].power_dw == 0
    assert abs(found[1].current_ma - 887) < 20
    assert 2290 <= found[1].voltage_dv <= 2310
    assert steps[0] == (0, 247) and steps[-1] == (247, 247)


def test_any_address_is_found_and_a_module_that_is_gone_is_not(there):
    modules(there)[0].address = 247
    modules(there)[2].faults.dead = True
    assert [module.address for module in scan(exchange(there), WANTED)] == [2, 4, 247]


def test_two_modules_under_one_address_are_told_as_such(there):
    modules(there)[1].address = 1
    modules(there)[0].swap(4711)
    found = scan(exchange(there), WANTED)
    assert [(module.address, module.garbled) for module in found] == [
        (1, True),
        (3, False),
        (4, False),
    ]


def test_a_line_that_loses_some_frames_is_no_fault(there):
    counted = itertools.count()
    real = exchange(there)

    def lossy(frames):
        return [b"" if next(counted) % 6 == 0 else a for a in real(frames)]

    found = scan(lossy, WANTED)
    assert [(module.address, module.garbled) for module in found] == [(n, False) for n in WANTED]


def test_the_one_module_gets_its_address(there):
    module = alone(there, 2)
    assert set_address(exchange(there), 77) == 3
    assert module.address == 77
    assert set_address(exchange(there), 77) == 77
    assert [module.address for module in scan(exchange(there), [])] == [77]


@pytest.mark.parametrize("same", [False, True])
def test_more_than_one_module_is_left_as_it_is(there, same):
    if same:
        for module in modules(there):
            module.address = 1
    before = [module.address for module in modules(there)]
    for index, module in enumerate(modules(there)):
        module.swap(1000 * index + 1)
    with pytest.raises(BusError, match="exactly one module"):
        set_address(exchange(there), 9)
    assert [module.address for module in modules(there)] == before


def test_nobody_there_is_said(there):
    for module in modules(there):
        module.faults.dead = True
    with pytest.raises(BusError, match="Nothing answers"):
        set_address(exchange(there), 9)
    assert scan(exchange(there), WANTED) == []


@pytest.mark.parametrize("address", [0, 248, -1])
def test_what_is_no_address_is_not_written(there, address):
    with pytest.raises(BusError, match="1 to 247"):
        set_address(exchange(there), address)


def test_a_module_that_does_not_take_it_is_said(there):
    alone(there, 0)
    real = exchange(there)

    def deaf(frames):
        return real([frame for frame in frames if frame[1] != 6] or [b"\x00"])

    with pytest.raises(BusError, match="had address 1 and has not taken 9"):
        set_address(deaf, 9)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        bytes.fromhex("0104"),
        bytes.fromhex("018402C2C1"),
        bytes(25),
        request(1, 4, 0, 10),
        b"\xff" * 25,
        b"\xff" * 300,
    ],
)
def test_what_is_no_answer_is_no_module(answer):
    found = scan(lambda frames: [answer if frame[0] == 1 else b"" for frame in frames], [])
    assert found == ([Module(1)] if answer else [])


def test_the_driver_of_an_rs485_line_is_let_go():
    there = prompt()
    there.chip.machine.Pin(4, there.chip.machine.Pin.OUT, value=1)
    found = scan(exchange_on(there, {**BUS, "de": 4}), WANTED)
    assert len(found) == 4
    assert there.chip.machine.board.levels[4] == 0

"""The simulated BL0942, BL0906 and the wire they hang on: registers as in the data sheets."""

import pytest

from front_kit import board_side
from umeter_deploy.kinds import front_bl0906, front_bl0942, front_hlw8012

BL0942 = {"address": 2, "shunt_uohm": 1000, "divider_ohm": [1_950_000, 510]}
BL0906 = {"input": 5, "ct_ratio": 2000, "burden_mohm": 10_200, "divider_ohm": [99_900, 100]}


def a_rig(kind, channels, baud):
    chip_class = board_side("chip_" + kind).Chip
    return board_side("chip_rig").Rig(
        chip_class, [{"bus": {"baud": baud}, "channels": channels}], baud
    )


@pytest.fixture
def rig():
    return a_rig("bl0942", [BL0942], 9600)


def framed(body, seed=0):
    return bytes(body) + bytes([~(seed + sum(body)) & 0xFF])


def exchange(rig, frame, ms=60):
    rig.uart.write(frame)
    rig.world.advance(ms)
    got = bytearray(64)
    return bytes(got[: rig.uart.readinto(got) or 0])


def register(rig, number):
    reply = exchange(rig, bytes([0x5A, number]))
    assert reply == framed(reply[:3], 0x5A + number)
    return int.from_bytes(reply[:3], "little")


def write(rig, number, value):
    assert exchange(rig, framed(bytes([0xAA, number]) + value.to_bytes(3, "little"))) == b""


def test_registers_have_their_reset_values(rig):
    assert register(rig, 0x19) == 0x87 and register(rig, 0x14) == 0x0B
    assert exchange(rig, b"\x5a\x33") == b""


def test_writes_need_the_protection_off_and_a_right_check(rig):
    write(rig, 0x19, 0x8F)
    assert register(rig, 0x19) == 0x87
    write(rig, 0x1D, 0x55)
    assert register(rig, 0x1D) == 1
    exchange(rig, bytes.fromhex("AA198F000000"))
    assert register(rig, 0x19) == 0x87
    write(rig, 0x19, 0x8F)
    assert register(rig, 0x19) == 0x8F
    write(rig, 0x1C, 0x5A5A5A)
    assert register(rig, 0x19) == 0x87 and register(rig, 0x1D) == 0


def test_it_answers_to_its_own_address_only(rig):
    for command in (0x58, 0x59, 0x5B, 0x35):
        assert exchange(rig, bytes([command, 0xAA])) == b""
    packet = exchange(rig, b"\x5a\xaa")
    assert len(packet) == 23 and packet == framed(packet[:22], 0x5A)
    # A frame for its neighbour may stand before its own.
    assert len(exchange(rig, framed(b"\xa8\x1d\x55\x00\x00") + b"\x5a\xaa")) == 23


def test_another_rate_is_not_understood_and_a_reset_chip_is_back_at_its_pin(rig):
    write(rig, 0x1D, 0x55)
    write(rig, 0x19, 0x28F)
    assert exchange(rig, b"\x5a\x19") == b""
    assert rig.chips[0].baud == 19_200
    rig.chips[0].reset()
    assert register(rig, 0x19) == 0x87


def test_a_packet_takes_its_time_on_the_wire(rig):
    rig.uart.write(b"\x5a\xaa")
    there = []
    for _ in range(40):
        rig.world.advance(1)
        there.append(rig.uart.any())
    assert there[3] == 0 and there.index(23) in range(26, 30)
    assert sorted(there) == there


@pytest.mark.parametrize("mode, sign", [(0x87, 1), (0x07, -1)])
def test_the_count_minds_the_direction_if_it_is_told_to(rig, mode, sign):
    write(rig, 0x1D, 0x55)
    write(rig, 0x19, mode)
    rig.chips[0].meter.reversed = True
    rig.loads[0].set(20_000)
    rig.world.advance(36_000)  # 20 Wh at 0.1869 Wh a count
    assert register(rig, 0x07) == pytest.approx(sign * 107 % (1 << 24), abs=1)


def test_reading_clears_if_it_is_told_to(rig):
    write(rig, 0x1D, 0x55)
    write(rig, 0x19, 0xC7)
    rig.loads[0].set(20_000)
    rig.world.advance(36_000)
    assert register(rig, 0x07) > 100 and register(rig, 0x07) == 0


def test_a_day_of_noise_stays_below_the_threshold(rig):
    for _ in range(500):
        rig.world.advance(100)
        assert exchange(rig, b"\x5a\xaa")[10:13] == bytes(3)
    rig.chips[0].creep = 0
    rig.chips[0]._apply()
    assert any(exchange(rig, b"\x5a\xaa")[10:13] != bytes(3) for _ in range(20))


def test_a_chip_keeps_its_state(rig):
    rig.loads[0].set(20_000)
    rig.world.advance(36_000)
    write(rig, 0x1D, 0x55)
    write(rig, 0x14, 0x20)
    count = register(rig, 0x07)
    again = a_rig("bl0942", [BL0942], 9600)
    chip = board_side("chip_bl0942").Chip(
        again.world, {"bus": None, "channels": [BL0942]}, rig.chips[0].state()
    )
    assert (chip.meter.counts, chip.creep, chip.unlocked) == (count, 0x20, False)


def test_stuck_shows_the_same_again_and_again(rig):
    rig.loads[0].set(20_000)
    rig.world.advance(10_000)
    rig.chips[0].meter.faults.stuck = True
    before = exchange(rig, b"\x5a\xaa")
    rig.world.advance(100_000)
    assert exchange(rig, b"\x5a\xaa") == before
    rig.chips[0].meter.faults.stuck = False
    assert exchange(rig, b"\x5a\xaa") != before


@pytest.mark.parametrize("fault", ["lost", "garbled"])
def test_replies_are_spoilt_on_order(rig, fault):
    setattr(rig.chips[0].meter.faults, fault, 1)
    reply = exchange(rig, b"\x5a\x19")
    assert reply != framed(bytes([0x87, 0, 0]), 0x5A + 0x19)
    assert register(rig, 0x19) == 0x87


def test_a_wire_loses_garbles_sticks_and_is_late(rig):
    rig.wire.lose = 1
    assert len(exchange(rig, b"\x5a\xaa")) == 22
    rig.wire.garble = 1
    packet = exchange(rig, b"\x5a\xaa")
    assert packet != framed(packet[:22], 0x5A)
    rig.wire.stuck = 0xFF
    assert exchange(rig, b"\x5a\xaa") == b"\xff" * 23
    rig.wire.stuck = -1
    rig.wire.late_ms = 100
    assert exchange(rig, b"\x5a\xaa") == b""
    rig.world.advance(100)
    got = bytearray(64)
    assert rig.uart.readinto(got) == 23


def test_bl0906_registers():
    rig = a_rig("bl0906", [BL0906], 19_200)
    read = lambda number: exchange(rig, bytes([0x35, number]), 10)  # noqa: E731
    assert read(0x88) == framed(bytes.fromhex("4CC004"), 0x88)
    exchange(rig, bytes.fromhex("CA884CD00457"), 10)
    assert read(0x88) == framed(bytes.fromhex("4CC004"), 0x88), "protected"
    exchange(rig, bytes.fromhex("CA9E555500B7CA884CD00457CA9E00000061"), 20)
    assert read(0x88) == framed(bytes.fromhex("4CD004"), 0x88)
    rig.loads[0].set(23_000)
    rig.world.advance(100_000)
    # Input 5 has the registers 13, 29 and 36; nothing is wired to input 1.
    assert int.from_bytes(read(0x13)[:3], "little") == pytest.approx(598_560 * 100 / 98, rel=1e-3)
    assert int.from_bytes(read(0x29)[:3], "little") == pytest.approx(393_921, rel=1e-3)
    assert int.from_bytes(read(0x36)[:3], "little") == pytest.approx(63.9 / 0.22291, abs=1)
    assert read(0x30) == framed(bytes(3), 0x30)


@pytest.mark.parametrize(
    "name, rules, channel",
    [
        ("bl0942", front_bl0942, BL0942),
        ("bl0942", front_bl0942, {**BL0942, "shunt_uohm": 330}),
        ("bl0906", front_bl0906, BL0906),
    ],
)
def test_chip_and_host_rules_agree_on_the_energy_of_a_count(name, rules, channel):
    rig = a_rig(name, [channel], 9600)
    units = rig.chips[0].meters[0].scale.units
    assert units == rules.derived(channel, {})["units"]


@pytest.mark.parametrize("chip", ["hlw8012", "bl0937"])
def test_chip_and_host_rules_agree_on_the_energy_of_a_pulse(chip):
    channel = {"chip": chip, "shunt_uohm": 2000, "divider_ohm": [2_350_000, 1000]}
    units = board_side("chip_hlw8012").units_per_pulse(channel)
    assert units == front_hlw8012.derived(channel, {})["units"]

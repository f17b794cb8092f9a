"""The PZEM modules on their wire: frames as modules in the field send them, bytes in time."""

from itertools import pairwise

import pytest

from simulated_chip import Chip

READ_1 = bytes.fromhex("01040000000A700D")
READ_2 = bytes.fromhex("02040000000A703E")
GOLDEN = bytes.fromhex("01041408D1006C000000F400000026000001F4006400005134")


@pytest.fixture
def chip():
    return Chip(loads=[244, 3829])


@pytest.fixture
def uart(chip):
    return chip.machine.UART(1, baudrate=9600, tx=33, rx=34)


def exchange(chip, uart, request, wait_ms=100):
    uart.write(request)
    chip.pass_ms(wait_ms)
    return uart.read()


def test_golden_reply(chip, uart):
    module = chip.site.site.places[0].meter
    module.energy = chip.loads.Tally(38)
    chip.close(1)
    module.voltage_dv, module.power_factor = 2257, 100
    assert exchange(chip, uart, READ_1, 80) == GOLDEN


def test_both_golden_replies_have_the_crc_that_modules_check():
    crc16 = Chip().modules.load("modules").crc16
    other = bytes.fromhex("010414082C074900000EF500004AE6000301F4006200001BDD")
    for frame in (READ_1, READ_2, GOLDEN, other, bytes.fromhex("01428011")):
        assert crc16(frame, len(frame)) == 0


def test_bytes_come_one_after_the_other_30_ms_after_the_request(chip, uart):
    uart.write(READ_1)
    arrived = []
    for _ in range(70):
        chip.pass_ms(1)
        arrived.append(uart.any())
    assert arrived[30] == 0 and arrived[33] > 0
    assert sorted(arrived) == arrived
    assert max(b - a for a, b in pairwise(arrived)) == 1
    assert arrived.index(25) in range(55, 60)


def test_what_is_read_early_is_not_lost(chip, uart):
    uart.write(READ_1)
    pieces = b""
    while len(pieces) < 25:
        chip.pass_ms(7)
        pieces += uart.read(3) or b""
    assert pieces[:3] == GOLDEN[:3] and uart.any() == 0


def test_an_unread_reply_stays_before_the_next(chip, uart):
    uart.write(READ_1)
    chip.pass_ms(100)
    assert exchange(chip, uart, READ_2)[::25][:2] == b"\x01\x02"


@pytest.mark.parametrize(
    "request_frame, reply",
    [
        ("09040000000A71AF", None),  # nobody has this address
        ("01040000000A700E", None),  # wrong CRC
        ("0104000A0001", "018402"),  # no such register
        ("010300000001", "018301"),  # a function the module does not know
    ],
)
def test_refusals_and_silence(chip, uart, request_frame, reply):
    frame = bytearray.fromhex(request_frame)
    if len(frame) == 6:
        frame += chip.modules.load("modules").crc16(frame, 6).to_bytes(2, "little")
    got = exchange(chip, uart, frame)
    assert (got and got[:-2].hex()) == reply


def test_another_baud_rate_is_not_understood(chip):
    uart = chip.machine.UART(1, baudrate=4800)
    assert exchange(chip, uart, READ_1) is None


def test_register_reset_and_its_end(chip, uart):
    module = chip.site.site.places[0].meter
    module.energy = chip.loads.Tally(10_000_038)
    reply = exchange(chip, uart, READ_1)
    assert reply[13:17] == bytes.fromhex("00260000")
    assert exchange(chip, uart, bytes.fromhex("01428011")) == bytes.fromhex("01428011")
    assert module.register_wh == 0


@pytest.mark.parametrize("fault, value", [("dead", True), ("lost", 1)])
def test_silent_modules(chip, uart, fault, value):
    chip.ask("fault", kind=fault, ch=1, value=value)
    assert exchange(chip, uart, READ_1) is None
    assert exchange(chip, uart, READ_2) is not None
    answers_again = exchange(chip, uart, READ_1) is not None
    assert answers_again == (fault == "lost")


def test_a_garbled_frame_fails_its_crc_once(chip, uart):
    crc16 = chip.modules.load("modules").crc16
    chip.ask("fault", kind="garbled", ch=1, value=1)
    assert crc16(exchange(chip, uart, READ_1), 25) != 0
    assert crc16(exchange(chip, uart, READ_1), 25) == 0


def test_a_stuck_module_repeats_itself(chip, uart):
    chip.close(1)
    chip.ask("fault", kind="stuck", ch=1, value=True)
    before = exchange(chip, uart, READ_1)
    chip.pass_ms(3_600_000)
    assert exchange(chip, uart, READ_1) == before
    chip.ask("fault", kind="stuck", ch=1, value=False)
    assert exchange(chip, uart, READ_1) != before


def test_a_pulse_meter_counts_the_energy_only_while_the_counter_is_there():
    chip = Chip(loads=[36_000])  # 3.6 kW: a pulse a second at 1000 imp/kWh
    chip.close(5)
    chip.pass_ms(10_000)
    pin = chip.machine.Pin(14, chip.machine.Pin.IN)
    counter = chip.machine.Counter(0, pin)
    assert counter.value() == 0
    chip.pass_ms(60_500)
    assert counter.value() == 60
    assert counter.value(0) == 60 and counter.value() == 0
    assert chip.truth(5)["pulses"] == 70

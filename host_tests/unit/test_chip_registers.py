"""The simulated ATM90E32 and ADE7953 at their registers: their traps are the data sheets'."""

import json

import pytest

from chip_kit import I2C, SPI, Bench, ade7953_document, atm90e32_document
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.frontend import ade7953, atm90e32


class Atm:
    """An ATM90E32 whose metering is on, with one load."""

    def __init__(self, want=0):
        self.rig = Bench(atm90e32, atm90e32_document(), [want])
        self.chip = self.rig.chip
        for register, value in ((0x7F, 0x55AA), (0x00, 1), (0x61, 7305), (0x62, 27_961)):
            self.write(register, value)

    def frame(self, *sent):
        self.chip.select(1)
        reply = [self.chip.exchange(byte) for byte in sent]
        self.chip.select(0)
        return reply

    def write(self, register, value):
        self.frame(0, register, value >> 8, value & 0xFF)

    def read(self, register):
        reply = self.frame(0x80, register, 0, 0)
        return reply[2] << 8 | reply[3]

    def pass_s(self, seconds):
        for _ in range(seconds):
            self.rig.world.ticks += 1000
            self.read(0xD9)


def test_atm_energy_is_cleared_by_a_whole_read_only_and_stays_in_last_data():
    chip = Atm(36_000)
    chip.pass_s(10)
    count = 10 * 36_000 * 1000 // 112_500
    assert count - 2 <= chip.rig.chip._phases[0].forward <= count + 2
    assert chip.frame(0x80, 0x81, 0)[2] == count >> 8, "24 clocks: no read"
    first = chip.read(0x81)
    assert abs(first - count) <= 2
    assert chip.read(0x78) == chip.read(0x78) == first
    assert chip.read(0x81) == 0


def test_atm_energy_has_16_bits():
    chip = Atm(250_000)
    chip.pass_s(60)
    assert abs(chip.read(0x81) - (60 * 250_000_000 // 112_500) % 65_536) < 200


def test_atm_energy_that_flows_back_has_a_register_of_its_own():
    chip = Atm(-36_000)
    chip.pass_s(10)
    assert chip.read(0x81) == 0 and abs(chip.read(0x85) - 3200) <= 2
    assert chip.read(0xB1) == 0xFFFF + 1 - 1 - 3600 * 3125 // 65_536


def test_atm_units_of_what_is_measured():
    chip = Atm(23_000)
    chip.pass_s(1)
    raw = chip.read(0xB1) << 16 | chip.read(0xC1)
    assert abs(raw * 32 - 2300 * 100_000) < 100_000
    assert chip.read(0xD9) == 23_000 and chip.read(0xDD) == 10_000


def test_atm_settings_are_locked_and_lost_with_the_supply():
    chip = Atm()
    chip.write(0x7F, 0)
    chip.write(0x61, 5)
    assert chip.read(0x61) == 7305
    chip.chip.reset()
    golden = {0x00: 0, 0x05: 0x143F, 0x31: 0x0861, 0x32: 0xC468, 0x61: 0x8000, 0x62: 0x8000}
    assert {register: chip.read(register) for register in golden} == golden


def test_atm_without_its_settings_measures_nonsense():
    chip = Atm(23_000)
    chip.write(0x61, 0x8000)
    chip.pass_s(10)
    assert chip.read(0x81) > 4 * 10 * 23_000_000 // 112_500


@pytest.mark.parametrize("start, counts", [(0, True), (6250, False)])
def test_atm_noise_creeps_unless_there_is_a_threshold(start, counts):
    chip = Atm()
    chip.write(0x38, start)
    chip.pass_s(3600)
    assert (chip.read(0x81) + chip.read(0x85) > 0) == counts


def test_atm_frames_are_lost_and_garbled_on_order():
    chip = Atm()
    faults = chip.chip.meters[0].faults
    faults.lost = 1
    assert chip.read(0x32) == 0xFFFF and chip.read(0x32) == 0xC468
    faults.garbled = 1
    assert chip.read(0x32) == 0xC4FF and chip.read(0x78) == 0xC468
    faults.dead = True
    assert chip.read(0x32) == 0xFFFF


class Ade:
    def __init__(self, want=0, bus=SPI):
        self.rig = Bench(ade7953, ade7953_document(1, bus), [want])
        self.chip = self.rig.chip
        link = ade7953._I2c(self.rig.bus) if bus is I2C else self._spi()
        self.link = link

    def _spi(self):
        return ade7953._Spi(self.rig.bus, self.rig.bus.pin(4, 1))

    def write(self, register, value, size):
        self.link.write(register, value.to_bytes(size, "big"))

    def read(self, register):
        buf = bytearray((register >> 8) + 1)
        self.link.read(register, buf)
        return int.from_bytes(buf, "big")

    def pass_s(self, seconds):
        for _ in range(seconds):
            self.rig.world.ticks += 1000
            self.read(0x212)


@pytest.fixture(params=[I2C, SPI], ids=["i2c", "spi"])
def bus(request):
    return request.param


def test_ade_defaults(bus):
    chip = Ade(bus=bus)
    golden = {0x004: 0x40, 0x102: 0x8004, 0x203: 0xE419, 0x303: 0xE419, 0x37F: 0xFFFFFFFF}
    assert {register: chip.read(register) for register in golden} == golden


def test_ade_reads_with_reset_until_told_not_to(bus):
    chip = Ade(36_000, bus)
    chip.pass_s(5)
    first = chip.read(0x21E)
    assert first > 10_000 and chip.read(0x21E) < 2
    chip.write(0x004, 0, 1)
    chip.pass_s(5)
    again = chip.read(0x21E)
    assert abs(again - first) < 50 and chip.read(0x21E) == again == chip.read(0x31E)
    assert chip.read(0x2FF) == again


def test_ade_energy_is_signed_and_wraps(bus):
    chip = Ade(-36_000, bus)
    chip.write(0x004, 0, 1)
    chip.pass_s(5)
    assert chip.read(0x21E) > 0x800000, "negative"
    chip.write(0x201, 5, 3)
    before = chip.read(0x21E)
    chip.pass_s(5)
    assert chip.read(0x21E) == before, "positive only"
    assert chip.read(0x212) & 0x800000


def test_ade_needs_its_unlocked_setting(bus):
    chip = Ade(36_000, bus)
    chip.write(0x120, 0x30, 2)
    assert chip.read(0x120) == 0
    chip.write(0x0FE, 0xAD, 1)
    chip.write(0x120, 0x30, 2)
    assert chip.read(0x120) == 0x30


def test_ade_full_scale_is_that_of_the_data_sheet(bus):
    channel = ade7953_document(1)["channels"][0]
    volts = 0.353553 * 982_600 / 1000
    amperes = 0.353553 * 1_000_000 / channel["shunt_uohm"]
    chip = Ade(round(volts * amperes * 10 / 4), bus)
    chip.chip.meters[0].voltage_dv = round(volts * 10 / 2)
    chip.write(0x0FE, 0xAD, 1)
    chip.write(0x120, 0x30, 2)
    chip.write(0x004, 0, 1)
    chip.pass_s(10)
    assert abs(chip.read(0x21C) / (9_032_007 / 2) - 1) < 1e-3
    assert abs(chip.read(0x21A) / (9_032_007 / 2) - 1) < 1e-3
    assert abs(chip.read(0x212) / (4_862_401 / 4) - 1) < 1e-3
    assert abs(chip.read(0x21E) / (206_900 / 4 * 10) - 1) < 1e-3


def test_ade_checksum_follows_the_settings(bus):
    chip = Ade(bus=bus)
    chip.write(0x102, 0x0104, 2)
    first = chip.read(0x37F)
    chip.write(0x108, 5, 2)
    second = chip.read(0x37F)
    assert len({first, second, 0xFFFFFFFF}) == 3
    chip.chip.reset()
    assert chip.read(0x37F) == 0xFFFFFFFF


@pytest.mark.parametrize("front_end", [atm90e32, ade7953])
def test_what_a_chip_knows_outlives_the_board(front_end):
    document = atm90e32_document(2) if front_end is atm90e32 else ade7953_document(2, SPI)
    rig = Bench(front_end, document, [36_000, 500]).start().run(5000)
    state = json.loads(json.dumps(rig.chip.state()))
    again = rig._make(state)
    assert json.loads(json.dumps(again.state())) == state
    assert list(again.registers) == list(rig.chip.registers)


def test_a_sensors_errors_are_those_of_the_energy():
    rig = Bench(atm90e32, atm90e32_document(2), [100_000, 100_000]).start()
    rig.chip.meters[0].gain_ppm = 20_000
    rig.chip.meters[1].offset_mw = -50_000
    rig.run(60_000)
    assert abs(rig.booked(0) / rig.truth(0) - 1.02) < 2e-3
    assert abs(rig.error(1) + 60_000 * 500) < WH // 2

"""The site's appliances and what its modules read of them; what fails at contacts and switches."""

import math
import struct

import pytest

from simulated_chip import SITE8, Chip, board
from umeter_sim import loads_bench

REQUEST = bytes.fromhex("01040000000A700D")


def read(chip, channel=1):
    """(0.1 V, mA, 0.1 W, power factor in 0.01) as the module answers."""
    module = chip.site.site.places[channel - 1].meter
    reply = bytearray(64)
    request = bytearray(REQUEST)
    request[0] = channel
    struct.pack_into("<H", request, 6, chip.load("modules").crc16(request, 6))
    assert module.answer(request, 8, reply) == 25
    volts, amps, _, watts, high = struct.unpack_from(">5H", reply, 3)
    return volts, amps, watts | high << 16, struct.unpack_from(">H", reply, 19)[0]


class Bench(Chip):
    def load(self, name):
        return self.modules.load(name)

    def switch(self, name, on=True, ch=1):
        assert self.ask("appliance", ch=ch, name=name, on=on) == {}
        self.pass_ms(10_000)


@pytest.mark.parametrize(
    "name, watts, factor",
    [("kettle", 2000, 100), ("desktop", 130, 62), ("led lamps", 40, 56), ("fridge", 110, 65)],
)
def test_an_appliance_has_its_power_and_power_factor(name, watts, factor):
    chip = Bench(loads=[[name]])
    chip.close(1)
    chip.switch(name)
    volts, amps, power, told = read(chip)
    assert abs(power / 10 - watts) <= watts * 0.16
    assert abs(told - factor) <= 1
    assert abs(power * 1_000 / (volts * amps) - factor / 100) < 0.011
    chip.switch(name, False)
    assert read(chip)[1:] == (0, 0, 0)


def test_idle_powers_of_lamps_and_motors_cancel_and_harmonics_stand_square():
    appliances = Bench().load("appliances")
    random = Bench().world.world.random

    def apparent(*names):
        household = appliances.Household(names, random)
        for appliance in household.appliances:
            appliance.switch(True, random)
            appliance.left_ms = 10**9
        for _ in range(20):
            household.step(1000, random)
        idle = math.sqrt(household.apparent**2 - household.power_dw**2)
        return household.power_dw, round(idle)

    _, fridge = apparent("fridge")
    _, lamps = apparent("led lamps")
    _, television = apparent("television")
    assert abs(apparent("fridge", "led lamps")[1] - (fridge - lamps)) <= 2
    assert abs(apparent("fridge", "television")[1] - math.hypot(fridge, television)) <= 2
    power, idle = apparent("kettle", "fridge")
    assert power == 21_100 and abs(idle - fridge) <= 20  # of an apparent power in whole 0.1 VA


def test_noise_is_of_the_reading_and_repeats_by_the_seed():
    def readings(seed):
        chip = Bench(loads=[10_000], seed=seed)
        chip.close(1)
        chip.ask("fault", kind="noise", ch=1, value=20)
        return [read(chip)[2] for _ in range(50)]

    first = readings(1)
    assert first == readings(1) != readings(2)
    assert len(set(first)) > 10 and all(9_980 <= power <= 10_020 for power in first)


def test_a_jammed_contact_feeds_nobody_and_shows_no_voltage_behind_it():
    channels = [{**SITE8[0], "volts_behind_contact": True}, *SITE8[1:]]
    chip = Bench(loads=[1000], board=board(channels))
    assert read(chip)[0] == 0
    chip.close(1)
    assert read(chip)[0] > 2200
    chip.ask("fault", kind="jammed", ch=1, value=True)
    assert read(chip)[0] == 0 and not chip.truth(1)["contact"] and chip.truth(1)["relay"]


def test_what_fails_stays_so_over_a_power_cut():
    chip = Bench(loads=[["kettle"]])
    chip.ask("fault", kind="jammed", ch=1, value=True)
    chip.ask("fault", kind="noise", ch=2, value=7)
    chip.control.cut_power()
    later = Bench(state=chip.control.state(0), loads=[1000])
    place, other = later.site.site.places[:2]
    assert place.jammed and place.load.want == ["kettle"] and other.meter.faults.noise == 7


def test_what_there_is_not_is_answered_with_a_sentence():
    chip = Bench(loads=[1000])
    for question in (
        {"op": "load", "ch": 1, "want": ["time machine"]},
        {"op": "appliance", "ch": 1, "name": "kettle", "on": True},
        {"op": "fault", "kind": "cover", "value": True},
        {"op": "fault", "kind": "button", "ch": 1, "value": True},
    ):
        assert len(chip.ask(**question)["error"]) > 20


def test_a_few_banned_loads_are_told_from_ordinary_ones():
    firmware = loads_bench.Firmware()
    for background in ((), ("led lamps", "fan")):
        for kind, named in (("kettle", 3), ("immersion coil", 3), ("vacuum cleaner", 0)):
            assert loads_bench._switched_on(firmware, kind, background, 5, 3) == named


def test_two_days_of_a_flat_without_a_trip():
    assert loads_bench._trips(5, 2, 3) == 0


def test_a_welded_contact_is_named_in_time():
    assert 3 <= loads_bench.weld()["weld_detect_s_max"] <= 15

"""One channel: what it books, when it claims, what it tells."""

import pytest

from fakes_core import MODULUS, Chip
from umeter.core.channel import NEWS, Channel
from umeter.core.channel_record import RECORD_BYTES, pack
from umeter.core.energy import UNITS_PER_WH as WH
from umeter.core.restore import unpack
from umeter.core.sample import Sample
from umeter.core.supply import BOOT, CREDIT, FAULT, OPERATOR, SCHEDULE

KW = 10_000
BIT = {code: 2 << i for i, code in enumerate(NEWS)}


def running(every_ms=800, start=50, keeps_register=True, credit_u=10**9):
    """A channel with its contact closed behind a chip, after its first reading."""
    sample = Sample(WH, MODULUS, keeps_register)
    channel = Channel(0, sample, 250_000)
    channel.tariff.price_u_per_kwh = 200_000
    channel.account.configure(0, 0)
    channel.account.credit(credit_u)
    chip = Chip(sample, every_ms, start)
    chip.read()
    channel.tick(100)
    assert channel.claims == 0
    assert channel.news == (128 if keeps_register else 0)  # to be committed, no event
    channel.news = 0
    channel.contact = 1
    return channel, chip


def turn(channel, chip, ms, dt_ms=100):
    """Run for a time, the load drawing if the contact is closed. Returns all news."""
    news = 0
    for _ in range(ms // dt_ms):
        if channel.contact:
            chip.run(dt_ms)
        else:
            channel.open_ms += dt_ms
        chip.poll(dt_ms)
        channel.tick(dt_ms)
        news |= channel.news
        channel.news = 0
    return news


def booked(channel):
    return channel.register.wh * WH + channel.register.residual


@pytest.mark.parametrize("power_dw", [1, 230, 5 * KW, 25 * KW])
def test_booked_energy_stays_within_one_count_of_the_truth(power_dw):
    channel, chip = running()
    start = chip.units
    chip.power_dw = power_dw
    chip.read()
    for _ in range(600):
        news = turn(channel, chip, 100)
        assert abs(booked(channel) - (chip.units - start)) <= WH
        assert news == 0


def test_a_known_load_is_followed_to_a_tick():
    channel, chip = running()
    chip.power_dw = 3 * KW
    turn(channel, chip, 60_000)
    start = chip.units - booked(channel)
    turn(channel, chip, 60_000)
    assert abs(chip.units - booked(channel) - start) <= 3 * KW * 100


def test_a_load_that_ends_after_a_reading_is_set_right_by_the_next_counts():
    channel, chip = running()
    chip.power_dw = 20 * KW
    turn(channel, chip, 8000)
    chip.power_dw = 0  # seen only at the next reading
    turn(channel, chip, 4000)
    held = booked(channel)
    chip.power_dw = KW
    turn(channel, chip, 60_000)
    assert booked(channel) > held
    assert abs(booked(channel) - (chip.units - 50 * WH)) <= WH


def test_a_late_tick_loses_nothing():
    channel, chip = running()
    chip.power_dw = 10 * KW
    for gap_ms in (100, 7000, 100, 15_000, 100, 100, 2000):
        assert turn(channel, chip, gap_ms, gap_ms) == 0
    turn(channel, chip, 2000)
    assert abs(booked(channel) - (chip.units - 50 * WH)) <= WH


def test_a_reading_that_waited_in_a_late_tick_does_not_make_the_next_a_jump():
    channel, chip = running(every_ms=100)
    chip.power_dw = 10 * KW
    chip.read()
    chip.alive = False
    for _ in range(50):  # five seconds pass, the reading of their beginning is found at their end
        chip.run(100)
    channel.tick(5000)
    chip.alive = True
    assert turn(channel, chip, 1000) == 0
    assert abs(booked(channel) - (chip.units - 50 * WH)) <= WH


def test_power_is_not_run_on_when_readings_stay_away():
    channel, chip = running()
    chip.power_dw = 3 * KW
    turn(channel, chip, 1600)
    before = booked(channel)
    chip.alive = False
    turn(channel, chip, 60_000)
    assert booked(channel) - before <= 3 * KW * 5000


def test_charge_follows_energy_exactly():
    channel, chip = running()
    chip.power_dw = 2345
    turn(channel, chip, 3_600_000 // 4)
    assert channel.account.charged_total_u == booked(channel) * 200_000 // 36_000_000_000


def test_credit_is_claimed_in_the_tick_that_uses_it_up():
    channel, chip = running(credit_u=2_000)  # 10 Wh
    chip.power_dw = 3 * KW
    for _ in range(400):
        assert turn(channel, chip, 100) == 0, "what a balance means is told by turns"
        assert bool(channel.claims & CREDIT) == (channel.account.balance_u <= 0)
        if channel.claims:
            break
    assert channel.claims == CREDIT
    assert abs(chip.units - 50 * WH - 10 * WH) <= 3 * KW * 300  # 0.3 s


def test_a_silent_front_end_is_a_fault_until_three_readings():
    channel, chip = running()
    chip.alive = False
    assert turn(channel, chip, 59_000) == 0
    assert turn(channel, chip, 2000) == BIT["frontend.silent"]
    assert channel.claims == FAULT
    chip.alive = True
    assert turn(channel, chip, 1600) == 0
    assert turn(channel, chip, 800) == BIT["frontend.back"]
    assert channel.claims == 0


def test_a_bus_that_reads_all_ones_is_as_silent_as_none():
    channel, _ = running()
    for _ in range(700):
        channel.sample.count = 0xFFFFFFFF
        channel.sample.fresh += 1
        channel.tick(100)
    assert channel.claims == FAULT
    assert channel.sample.bad_frames == 700


def test_a_frozen_register_is_told_once_and_power_goes_on():
    channel, chip = running()
    frozen_at = chip.units
    chip.power_dw = 2 * KW
    told = []
    for _ in range(600):
        chip.run(100)
        chip.sample.power_dw = chip.power_dw
        chip.sample.fresh += 1
        channel.tick(100)
        told.append(channel.news)
        channel.news = 0
    assert sum(told) == BIT["register.frozen"]
    assert abs(booked(channel) - (chip.units - frozen_at)) <= WH
    chip.units = frozen_at  # it counts again, from where it stood
    before = booked(channel)
    turn(channel, chip, 60_000)
    assert abs(booked(channel) - before - (chip.units - frozen_at)) <= 3 * WH


def test_a_high_load_between_two_readings_is_not_a_frozen_register():
    channel, chip = running(every_ms=4000)
    chip.power_dw = 25 * KW
    assert turn(channel, chip, 60_000) == 0


def test_a_jump_is_told_with_its_amount_and_not_charged():
    channel, chip = running()
    chip.units += 5000 * WH
    charged = channel.account.charged_total_u
    assert turn(channel, chip, 1600) == BIT["register.jump"]
    assert channel.delta.refused_counts == 5000
    assert channel.account.charged_total_u == charged


def test_energy_through_an_open_contact_is_booked_and_told_at_most_every_ten_minutes():
    channel, chip = running()
    chip.power_dw = KW
    turn(channel, chip, 10_000)
    channel.contact = 0
    channel.open_ms = 0
    chip.units += WH  # counted late, drawn before
    assert turn(channel, chip, 2000) == 0
    chip.power_dw = 0
    turn(channel, chip, 8000)
    before = booked(channel)
    told = 0
    for _ in range(60):
        chip.units += 2 * WH
        told += turn(channel, chip, 30_000) == BIT["energy.open"]
    assert booked(channel) - before >= 119 * WH
    assert told == 3
    assert channel.open_counts == 120


def test_record_keeps_what_must_survive_and_no_more():
    channel, chip = running(start=7000)
    chip.power_dw = 7777
    turn(channel, chip, 100_000)
    channel.claims |= OPERATOR | SCHEDULE
    record = bytearray(RECORD_BYTES)
    pack(channel, record)
    restored = Channel(0, Sample(WH, MODULUS, True), 250_000)
    restored.tariff.price_u_per_kwh = channel.tariff.price_u_per_kwh
    unpack(restored, bytes(record))
    assert restored.claims == BOOT | OPERATOR
    again = bytearray(RECORD_BYTES)
    pack(restored, again)
    assert again == record
    assert booked(restored) == booked(channel)
    assert restored.account.balance_u == channel.account.balance_u
    assert vars(restored.tariff).keys() == vars(channel.tariff).keys()


@pytest.mark.parametrize(
    "record", [b"", bytes(44), bytes(52), b"\x03" + bytes(51), b"\x01" + bytes(42)]
)
def test_an_unknown_record_is_refused(record):
    with pytest.raises(ValueError, match="format"):
        unpack(Channel(0, Sample(WH), 250_000), record)


def test_a_board_counter_starts_anew_and_books_nothing_for_it():
    channel, _ = running(start=0, keeps_register=False)
    record = bytearray(RECORD_BYTES)
    channel.delta.last = 900
    pack(channel, record)
    sample = Sample(WH, MODULUS, False)
    restored = Channel(0, sample, 250_000)
    unpack(restored, bytes(record))
    sample.count = 3
    sample.fresh += 1
    assert restored.tick(100) == 0
    assert restored.news == 0

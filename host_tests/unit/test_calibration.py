"""Calibration of a channel: what a count is worth from now on, kept over boots, and never half."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes_board import Board, PowerCut
from umeter.core import calibration
from umeter.core.calibration import Tuning, scaled, values
from umeter.core.energy import UNITS_PER_WH

GAIN = {"op": "calibrate", "ch": 1, "gain_ppm": 25_000}


def units(board, index=0):
    register = board.channels[index].register
    return register.wh * UNITS_PER_WH + register.residual


def read(board, count, power_dw=0, index=0):
    sample = board.samples[index]
    sample.count = count
    sample.power_dw = power_dw
    sample.fresh += 1
    board.meter.tick(60_000, 0)  # a load needs time


@given(st.integers(-300_000, 300_000), st.integers(-100_000, 100_000))
def test_scaled_is_the_exact_product_to_a_tenth_of_a_watt_and_a_small_int(value, ppm):
    exact = Fraction(value * (1_000_000 + ppm), 1_000_000)
    assert abs(scaled(value, ppm) - exact) <= 1
    assert abs(value) // 1000 * abs(ppm) < 1 << 30


@given(st.integers(-3000, 3000), st.integers(0, 1000))
def test_less_than_the_creep_threshold_is_no_power(power_dw, creep_dw):
    power = Tuning(UNITS_PER_WH, creep_dw=creep_dw).power(power_dw)
    assert power == (0 if abs(power_dw) < creep_dw else power_dw)


def test_the_order_tells_before_and_after_and_leaves_what_it_does_not_name():
    board = Board()
    answer = board.order(n=1, **GAIN, creep_dw=12)
    assert (answer["code"], answer["before"], answer["after"]) == (
        "applied",
        [0, 0, 0, 0],
        [25_000, 0, 0, 12],
    )
    answer = board.order(n=2, op="calibrate", ch=1, phase=-200)
    assert answer["before"] == [25_000, 0, 0, 12] and answer["after"] == [25_000, 0, -200, 12]
    assert board.samples[0].units_per_count == UNITS_PER_WH * 1025 // 1000
    assert board.samples[1].tuning is None
    codes = [event[2:] for event in board.meter.events._ring]
    assert ("calibrated", 1, 0, 25_000) in codes


@pytest.mark.parametrize(
    "fields, code, word",
    [
        ({}, "malformed", "name one of"),
        ({"gain_ppm": 100_001}, "range", "-100000..100000"),
        ({"gain_ppm": "1"}, "malformed", "integer"),
        ({"offset": 40_000}, "range", "-32767..32767"),
        ({"creep_dw": -1}, "range", "0..1000"),
        ({"gain": 1}, "malformed", "unknown field gain"),
    ],
)
def test_what_is_no_calibration_is_refused_and_changes_nothing(fields, code, word):
    board = Board()
    answer = board.order(n=1, op="calibrate", ch=1, **fields)
    assert answer["code"] == code and word in answer["reason"]
    assert board.samples[0].tuning is None and board.meter.get("a") is None


def test_a_channel_that_is_none_is_refused():
    assert Board().order(n=1, op="calibrate", ch=9, gain_ppm=1)["code"] == "range"


@settings(max_examples=25)
@given(
    st.integers(-100_000, 100_000),
    st.lists(st.integers(0, 20), min_size=1, max_size=6),
    st.integers(0, 20_000),
)
def test_what_was_booked_stays_and_what_comes_is_worth_the_new_gain(gain_ppm, steps, power_dw):
    board = Board()
    read(board, 1000)
    board.channels[0].contact = 1
    count = 1000
    for step in steps:
        count += step
        read(board, count, power_dw)
    before = units(board)
    ahead = board.channels[0].ahead
    assert board.order(n=1, op="calibrate", ch=1, gain_ppm=gain_ppm)["code"] == "applied"
    assert units(board) == before
    again = board.reboot()
    assert units(again) == before
    assert values(again.samples[0]) == (gain_ppm, 0, 0, 0)
    assert again.channels[0].ahead == ahead
    if again.channels[0].delta.last >= 0:
        read(again, count + 3)
        worth = 3 * (UNITS_PER_WH + UNITS_PER_WH * gain_ppm // 1_000_000)
        assert units(again) == before + max(0, worth - ahead)


def test_a_cut_on_the_way_leaves_the_old_calibration_or_the_new_one():
    def prepared():
        board = Board()
        read(board, 1000)
        read(board, 1007)
        assert board.order(n=1, op="calibrate", ch=1, gain_ppm=-3000)["code"] == "applied"
        read(board, 1012)
        return board

    cut_after = 0
    seen = set()
    while True:
        board = prepared()
        board.flash.cut_after = cut_after
        try:
            board.order(n=2, op="calibrate", ch=1, gain_ppm=70_000, creep_dw=9)
            whole = True
        except PowerCut:
            whole = False
        board.flash.cut_after = None
        again = board.reboot()
        seen.add(values(again.samples[0]))
        # 5 counts may be read once more; at the worth that is in force.
        read(again, 1012)
        assert abs(units(again) - units(board)) <= 1
        if whole:
            break
        cut_after += 5
    assert seen == {(-3000, 0, 0, 0), (70_000, 0, 0, 9)}
    assert cut_after > 50


def test_failing_flash_changes_nothing():
    board = Board()
    board.order(n=1, **GAIN)
    tuning, worth = board.samples[0].tuning, board.samples[0].units_per_count
    board.flash.failing = True
    assert board.order(n=2, op="calibrate", ch=1, gain_ppm=1)["code"] == "store"
    assert board.samples[0].tuning is tuning and board.samples[0].units_per_count == worth


def test_a_later_format_is_refused_in_words():
    board = Board()
    board.meter.commit({"a": b"\x09" + bytes(30)})
    with pytest.raises(ValueError, match="calibration of an unknown format"):
        board.reboot()


def test_a_record_of_fewer_channels_is_taken_as_far_as_it_goes():
    board = Board(channels=2)
    calibration.tune(board.samples[1], (5, 6, 7, 8))
    record = calibration.pack(board.channels)
    more = Board(channels=3)
    calibration.resume(more.meter, record)
    assert [values(sample) for sample in more.samples] == [(0,) * 4, (5, 6, 7, 8), (0,) * 4]

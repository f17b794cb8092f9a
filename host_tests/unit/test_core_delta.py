"""Registers that reset, wrap, jump and lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.core.delta import (
    ALL_ONES,
    FIRST,
    OK,
    QUARANTINE_JUMP,
    QUARANTINE_RESET,
    SUSPECT,
    Delta,
)
from umeter.core.sample import Sample

WH = 36_000_000
MODULUS = 10_000_000
P_MAX_DW = 36_000  # 3.6 kW: 1 Wh a second


def pzem(last):
    delta = Delta(Sample(WH, MODULUS, True), P_MAX_DW)
    assert delta.judge(last, 1000) == FIRST
    assert delta.counts == 0
    return delta


@pytest.mark.parametrize(
    "elapsed_ms, most", [(0, 1), (900, 1), (1000, 2), (19_000, 20), (20_000, 22), (100_000, 106)]
)
def test_bound_is_p_max_plus_five_percent_plus_one_count(elapsed_ms, most):
    assert pzem(100).judge(100 + most, elapsed_ms) == OK
    assert pzem(100).judge(101 + most, elapsed_ms) == SUSPECT


def test_a_single_garbled_reading_books_nothing_and_moves_nothing():
    delta = pzem(500)
    assert delta.judge(9000, 1000) == SUSPECT
    assert delta.counts == 0
    assert delta.judge(501, 2000) == OK
    assert delta.counts == 1


def test_two_garbled_readings_that_disagree_are_not_believed():
    delta = pzem(500)
    for garbled in (9000, 20, 70_000, 4):
        assert delta.judge(garbled, 1000) == SUSPECT
    assert delta.judge(500, 1000) == OK


def test_a_jump_is_quarantined_with_its_amount_once_confirmed():
    delta = pzem(500)
    assert delta.judge(9000, 1000) == SUSPECT
    assert delta.judge(9001, 2000) == QUARANTINE_JUMP
    assert (delta.refused_counts, delta.counts) == (8500, 1)
    assert delta.judge(9002, 1000) == OK


def test_a_reset_is_quarantined_with_its_amount_once_confirmed():
    delta = pzem(500)
    assert delta.judge(0, 1000) == SUSPECT
    assert delta.judge(0, 2000) == QUARANTINE_RESET
    assert (delta.refused_counts, delta.counts) == (-500, 0)
    assert delta.judge(1, 1000) == OK


def test_readings_confirm_each_other_in_the_time_between_them_not_since_the_last_good_one():
    delta = pzem(500)
    assert delta.judge(900_000, 3_600_000) == SUSPECT
    assert delta.judge(900_100, 3_601_000) == SUSPECT


def test_a_wrap_is_energy_and_a_swapped_module_is_not():
    delta = pzem(MODULUS - 1)
    assert delta.judge(1, 2000) == OK
    assert delta.counts == 2
    delta = pzem(MODULUS - 1)
    assert delta.judge(700, 2000) == SUSPECT


def test_without_a_modulus_going_back_is_never_a_wrap():
    delta = Delta(Sample(WH), P_MAX_DW)
    delta.judge(7, 1000)
    assert delta.judge(6, 1 << 29) == SUSPECT


@pytest.mark.parametrize("count", [0xFFFFFFFF, MODULUS, -1])
def test_what_no_register_can_hold_is_no_reading(count):
    delta = pzem(500)
    assert delta.judge(count, 1000) == ALL_ONES
    assert delta.judge(501, 1000) == OK
    fresh = Delta(Sample(WH, MODULUS, True), P_MAX_DW)
    assert fresh.judge(count, 1000) == ALL_ONES
    assert fresh.judge(5, 1000) == FIRST


@given(st.lists(st.tuples(st.integers(-1, 2**32), st.integers(0, 100_000)), max_size=40))
def test_no_sequence_of_readings_books_more_than_the_load_can_have_drawn(readings):
    delta = Delta(Sample(WH, MODULUS, True), P_MAX_DW)
    for count, elapsed_ms in readings:
        delta.judge(count, elapsed_ms)
        assert 0 <= delta.counts <= elapsed_ms * 37_800 // WH + 1

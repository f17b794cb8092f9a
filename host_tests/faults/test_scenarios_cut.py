"""The scenarios with the power cut after each row, and in the middle of what each order writes."""

import pytest

from scenario_files import SCENARIOS, failures
from thoroughness import one_in


@pytest.mark.parametrize("name", one_in(6, SCENARIOS))
def test_scenario_with_a_power_cut_after_each_row(name):
    assert failures(name, "cuts") == []


@pytest.mark.parametrize("name", one_in(6, SCENARIOS))
def test_scenario_with_each_order_cut_short_and_repeated(name):
    assert failures(name, "torn") == []

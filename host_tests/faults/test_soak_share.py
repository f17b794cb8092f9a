"""A share of the ten years of power cuts, lost clocks and wraps that the bench runs."""

from thoroughness import share
from umeter_sim.soak import soak


def test_a_share_of_the_long_run_keeps_its_books():
    told = []
    figures = soak(years=share(0.25, 0.1), paced_hours=1, progress=told.append)
    assert figures["flash_life_years"] >= 20
    assert 20 < figures["journal_bytes_per_commit"] < 200
    assert 200 * 24 < figures["journal_commits_per_day"] < 1200 * 24
    assert figures["soak_energy_error_wh"] < 1
    assert figures["soak_power_cuts"] > 0 and figures["soak_ticks_wraps"] > 0
    assert told == sorted(told) and told[0] >= 0 and told[-1] <= 100

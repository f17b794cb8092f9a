"""A watchdog or soft reset costs next to no energy: what the journal lacks is in RTC memory."""

import pytest

from thoroughness import one_in
from umeter_sim.board_api import open_board

UNITS_PER_WH = 36_000_000
LOAD_DW = 400
SITE = {
    "meter": "m1",
    "key": "42" * 32,
    "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
    "broker": {"host": "127.0.0.1", "port": 1},  # nobody listens there
    "plain_tcp": True,
}


@pytest.fixture(params=one_in(2, ["micropython", "cpython"]))
def sim(request, tmp_path):
    with open_board(
        runtime=request.param, site=SITE, workdir=tmp_path, loads=[LOAD_DW] * 8
    ) as board:
        for index in range(8):
            board.ask("eval", expression=f"app.meter.channels[{index}].account.credit(9_000_000)")
        board.ask("eval", expression="app.meter.commit()")
        board.run_for(60_000)
        board.ask("eval", expression="app.meter.commit()")
        board.run_for(20_000)  # 1.8 Wh over all channels, less than a commit's quantum
        yield board


def registers(board):
    channels = board.ask("meter")["channels"]
    return [channel["wh"] * UNITS_PER_WH + channel["residual"] for channel in channels]


@pytest.mark.parametrize("cause", ["wdt", "soft", "hard"])
def test_a_reset_loses_at_most_the_last_second(sim, cause):
    before = registers(sim)
    sim.reset(cause)
    for was, now in zip(before, registers(sim), strict=True):
        assert 0 <= was - now <= LOAD_DW * 1_200


def test_an_image_of_another_batch_is_not_looked_at(sim):
    """What was committed after the image was saved is newer, and wins."""
    sim.ask("eval", expression="app.meter.channels[0].account.credit(1_000_000)")
    sim.ask("eval", expression="app.meter.commit()")
    sim.reset("wdt")
    assert sim.ask("meter")["channels"][0]["credited_total_u"] == 10_000_000


def test_a_power_cut_clears_it_and_the_journal_is_believed(sim):
    sim.power_cut()
    sim.power_on(after_ms=1000)
    assert all(c["credited_total_u"] == 9_000_000 for c in sim.ask("meter")["channels"])
    memory = "len(__import__('machine').RTC().memory())"
    assert sim.ask("eval", expression=memory)["value"] == 0

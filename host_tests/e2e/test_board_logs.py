"""A whole board with and without the partition for its logs."""

import pytest

from thoroughness import one_in
from umeter_sim.board_api import open_board
from umeter_sim.scene import METER

SITE = {
    "meter": METER,
    "key": "11" * 32,
    "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
    "broker": {"host": "127.0.0.1", "port": 1},
    "plain_tcp": True,
}
NUMBERS = "(app.meter.events.audit.ring.newest, app.meter.profile.ring.newest)"


def ask(sim, expression):
    return sim.ask("eval", expression=expression)["value"]


@pytest.mark.parametrize("runtime", one_in(2, ["micropython", "cpython"]))
def test_logs_go_on_over_power_cuts(tmp_path, runtime):
    with open_board(runtime=runtime, site=SITE, workdir=tmp_path, loads=[5000] * 8) as sim:
        sim.run_for(10_000)
        assert ask(sim, NUMBERS) == [1, 0]
        sim.run_for(901_000)
        assert ask(sim, NUMBERS) == [1, 1]
        for boot in (2, 3):
            sim.power_cut()
            sim.power_on(after_ms=5000)
            sim.run_for(10_000)
            assert ask(sim, NUMBERS)[1] == 1
            assert ask(sim, "app.meter.events.next_n - 1") == ask(sim, NUMBERS)[0] >= boot
        assert ask(sim, "app.session.about['warn']") == []


def test_without_the_partition_the_board_works_and_says_so(tmp_path):
    with open_board(site=SITE, workdir=tmp_path, loads=[5000] * 8, log_bytes=0) as sim:
        sim.run_for(10_000)
        assert "no log: " in ask(sim, "app.session.about['warn']")[0]
        assert ask(sim, "app.meter.profile is None and app.meter.events.audit is None")
        assert ask(sim, "app.meter.boot") == 1

"""A broker that accepts and never answers is the meter's normal working condition. A shorter while
of it is lived through in test_link_faults.py."""

import pytest

from thoroughness import share
from umeter_sim.board_api import open_board
from umeter_sim.board_bench import silent_broker


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_the_tick_keeps_its_pace(runtime, tmp_path):
    with silent_broker() as port:
        site = {
            "meter": "m1",
            "key": "42" * 32,
            "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
            "broker": {"host": "127.0.0.1", "port": port},
            "plain_tcp": True,
        }
        with open_board(runtime=runtime, site=site, workdir=tmp_path, loads=[5000]) as board:
            board.run_for(share(120_000, 60_000))
            tried = board.ask("eval", expression="[app.session.sessions, app.session.last_error]")
            assert board.ask("meter")["worst_gap_ms"] - 100 <= 50
            assert board.ask("meter")["ticks"] >= share(1_000, 500)
            assert (tried["value"][0] == 0 and "ETIMEDOUT" in tried["value"][1].upper()) or tried[
                "value"
            ][1], "the session has noticed"

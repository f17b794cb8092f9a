"""The firmware among its networks: it goes from one to the next until it reaches its broker, and
the meter keeps its pace all the while.
"""

import pytest

from umeter_sim.board_api import open_board

HOME = {"ssid": "home", "password": "h"}
YARD = {"ssid": "yard", "password": "y"}
MINUTE = 60_000


@pytest.fixture
def board(broker, tmp_path):
    site = {
        "meter": "m2",
        "key": "42" * 32,
        "wifi": [HOME, YARD],
        "broker": {"host": broker.host, "port": broker.port},
        "plain_tcp": True,
    }
    with open_board(
        runtime="cpython", site=site, workdir=tmp_path, loads=[5000], net_speed=100
    ) as board:
        yield board


def sessions(board):
    """How many were begun, or 0 if none stands now."""
    expression = "app.session.sessions if app.session.connected else 0"
    return board.ask("eval", expression=expression)["value"]


def comes_through(board, minutes):
    """Whether a session stands before so much time has passed."""
    for _ in range(minutes):
        board.run_for(MINUTE)
        if sessions(board):
            return True
    return False


def test_the_second_network_is_taken_when_the_first_is_away(board):
    board.ask("net", aps={"yard": {"password": "y"}})
    assert comes_through(board, 3)
    assert board.ask("meter")["worst_gap_ms"] - 100 <= 50


def test_a_wrong_password_is_no_dead_end(board):
    board.ask("net", aps={"home": {"password": "changed"}, "yard": {"password": "y"}})
    assert comes_through(board, 3)


@pytest.mark.parametrize("internet", ["captive", False])
def test_a_network_that_leads_nowhere_is_left(board, internet):
    board.ask("net", aps={"home": {"internet": internet}, "yard": {}})
    assert comes_through(board, 30)
    assert board.ask("meter")["worst_gap_ms"] - 100 <= 50


def test_a_change_of_channel_costs_no_more_than_a_session(board):
    assert comes_through(board, 2)
    board.ask("net", changing_channel=True)
    assert comes_through(board, 2) and sessions(board) <= 2

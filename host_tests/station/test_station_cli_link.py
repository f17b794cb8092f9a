"""`umeter-station link`: what the meter says of its link, as a table."""

import pytest

from cli_kit import run, squeezed
from station_kit import NOW_S, new_database, result, store
from umeter_station import config, orders
from umeter_station.station import Books

TOLD = {
    "sessions": 3,
    "failures": 0,
    "discards": 2,
    "oversize": 1,
    "broker": 1,
    "forged": 17,
    "unnumbered": 0,
    "error": "OSError(116,)",
    "time": "ntp",
    "tls": 1,
}


@pytest.fixture
def home(tmp_path):
    config.create_home(tmp_path, "mqtt://127.0.0.1:1")
    return tmp_path


def shown(home, monkeypatch, **answer):
    """The command's output, after the meter has answered its order so."""
    db = new_database(home)
    wait = Books.wait_result

    def answered(books, command_id, timeout_s):
        store(db, result(1, op="link", boot=1, t=NOW_S, **answer))
        return wait(books, command_id, 0)

    monkeypatch.setattr(Books, "wait_result", answered)
    done = run(home, "link", "m1")
    with db.read() as conn:
        ordered = orders.find(conn, "m1", 1)
    assert ordered.op == "link" and ordered.args == {}
    return done.exit_code, squeezed(done.output)


def test_all_that_the_meter_counts_is_told(home, monkeypatch):
    code, lines = shown(home, monkeypatch, link=TOLD)
    assert code == 0
    for line in (
        "link of m1",
        "sessions begun 3",
        "broker in use, of the site's 2",
        "TLS yes",
        "certificate dates judged by ntp",
        "last error OSError(116,)",
        "messages not signed by this station 17",
        "too long 1",
        "on other topics, or too many at once 2",
    ):
        assert line in lines


def test_plain_tcp_and_no_error_are_told_as_such(home, monkeypatch):
    _, lines = shown(home, monkeypatch, link={**TOLD, "tls": 0, "time": "", "error": ""})
    assert "TLS no, plain TCP" in lines and "last error -" in lines


def test_an_answer_that_got_lost_is_a_sentence(home, monkeypatch):
    code, lines = shown(home, monkeypatch)
    assert code == 0
    assert lines == ["m1 has answered, but its answer was lost; ask it again."]


def test_maintenance_is_asked_about_and_ordered(home):
    db = new_database(home)
    assert run(home, "maintenance", "m1", "--no-wait", input="n\n").exit_code == 1
    assert run(home, "maintenance", "m1", "--yes", "--minutes", "241").exit_code == 1
    done = run(home, "maintenance", "m1", "--yes", "--minutes", "45", "--no-wait")
    assert done.exit_code == 0
    with db.read() as conn:
        ordered = orders.find(conn, "m1", 1)
        assert orders.find(conn, "m1", 2) is None
    assert ordered.op == "maintenance" and ordered.args == {"minutes": 45}

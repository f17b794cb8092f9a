"""Limits and watch on the whole firmware: a simulated board without a broker."""

import json

import pytest

from umeter_sim.board_api import open_board
from umeter_sim.paths import BOARDS

OVERLOAD, TAMPER, OPERATOR = 16, 64, 4
COVER = 4
BUTTON = 13


@pytest.fixture
def board_dir(tmp_path):
    """sim8 with a cover switch, a button of channel 1, and modules that measure behind the
    contact.
    """
    board = json.loads((BOARDS / "sim8" / "board.json").read_text())
    board["cover"] = {"gpio": COVER}
    board["channels"][0]["button"] = BUTTON
    for channel in board["channels"]:
        channel["volts_behind_contact"] = True
    folder = tmp_path / "board"
    folder.mkdir()
    (folder / "board.json").write_text(json.dumps(board))
    return folder


@pytest.fixture
def sim(board_dir, tmp_path):
    site = {
        "meter": "m1",
        "key": "42" * 32,
        "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
        "broker": {"host": "127.0.0.1", "port": 1},
        "plain_tcp": True,
    }
    with open_board(
        runtime="cpython",
        site=site,
        board_dir=board_dir,
        workdir=tmp_path / "run",
        loads=[["kettle", "desktop"], 400, 400, 400, 400, 400, 400, 400],
    ) as board:
        for index in range(8):
            board.ask("eval", expression=f"app.meter.channels[{index}].account.credit(9_000_000)")
        board.run_for(15_000)
        yield board


def configure(sim, **settings):
    """As the order `set` does it, without the station."""
    sim.ask("eval", expression=f"app.meter.settings.replace({settings!r}, 1)")
    sim.ask("eval", expression="app.meter.configure(app.meter.settings)")


def channel(sim, ch):
    return sim.ask("meter")["channels"][ch - 1]


def told(sim, code):
    """(channel, a, b) of the events with this code."""
    ring = "[[e[2], e[3], e[4], e[5]] for e in app.meter.events._ring]"
    events = sim.ask("eval", expression=ring)["value"]
    return [tuple(rest) for name, *rest in events if name == code]


def switch(sim, name, on=True):
    sim.ask("appliance", ch=1, name=name, on=on)


def test_a_kettle_is_banned_and_a_computer_is_not(sim):
    configure(sim, banned=[[300, 3000]])
    switch(sim, "desktop")
    sim.run_for(30_000)
    assert channel(sim, 1)["contact"] and told(sim, "load.banned") == []
    switch(sim, "kettle")
    sim.run_for(12_000)
    assert channel(sim, 1)["claims"] == OVERLOAD and not channel(sim, 1)["contact"]
    [(ch, watts, pf)] = told(sim, "load.banned")
    assert ch == 1 and abs(watts - 2000) < 50 and pf >= 990
    switch(sim, "kettle", False)
    sim.run_for(300_000)
    assert channel(sim, 1)["contact"] and told(sim, "limit.back") == [(1, 0, 0)]


def test_a_kettle_that_is_left_on_is_cut_at_each_return_and_then_locked(sim):
    configure(sim, banned=[[300, 3000]], banned_restore_s=10, banned_tries=2)
    switch(sim, "kettle")
    sim.run_for(60_000)
    assert channel(sim, 1)["claims"] == OVERLOAD
    assert len(told(sim, "load.banned")) == 3 and told(sim, "load.locked") == [(1, 2, 0)]
    sim.power_cut()
    sim.power_on()
    sim.run_for(60_000)
    assert channel(sim, 1)["claims"] == OVERLOAD, "the lock outlives the power cut"


def test_an_overload_is_cut_after_its_guard_time(sim):
    configure(sim, limit_w=1000, limit_guard_s=20)
    switch(sim, "kettle")
    sim.run_for(18_000)
    assert channel(sim, 1)["contact"]
    sim.run_for(10_000)
    assert channel(sim, 1)["claims"] == OVERLOAD
    sim.power_cut()
    sim.power_on()
    sim.run_for(290_000)
    assert channel(sim, 1)["claims"] == OVERLOAD
    switch(sim, "kettle", False)
    sim.run_for(20_000)
    assert channel(sim, 1)["contact"]


def test_a_welded_contact_is_named_and_locks(sim):
    configure(sim, lock_on=["weld"])
    sim.ask("fault", kind="welded", ch=2, value=True)
    sim.ask("eval", expression=f"setattr(app.meter.channels[1], 'claims', {OPERATOR})")
    sim.run_for(15_000)
    [(ch, watts, volts)] = told(sim, "contact.welded")
    assert (ch, watts) == (2, 40) and 225 <= volts <= 235
    assert channel(sim, 2)["claims"] == OPERATOR | TAMPER


def test_a_contact_that_does_not_close_is_named(sim):
    sim.ask("fault", kind="jammed", ch=3, value=True)
    sim.run_for(10_000)
    assert told(sim, "contact.stuck") == [(3, 0, 0)]
    assert channel(sim, 3)["claims"] == 0


def test_load_round_the_meters_is_seen_at_the_inlet(sim):
    """Channel 2 is the inlet here: 40 W, and behind it nothing that is metered but 10 W."""
    for ch in range(3, 9):
        sim.ask("load", ch=ch, want=0)
    configure(sim, inlet_ch=2, unmetered_w=20)
    sim.run_for(3_700_000)
    [(ch, watts, percent)] = told(sim, "energy.unmetered")
    assert ch == 2 and abs(watts - 40) <= 2 and percent >= 90


def test_an_open_cover_is_told_and_locks_who_asks_for_it(sim):
    configure(sim, **{"ch.4.lock_on": ["cover"]})
    sim.ask("fault", kind="cover", value=True)
    sim.run_for(1_000)
    assert told(sim, "cover.open") == [(0, 0, 0)]
    assert [channel(sim, ch)["claims"] for ch in (3, 4)] == [0, TAMPER]
    sim.ask("fault", kind="cover", value=False)
    sim.run_for(1_000)
    assert told(sim, "cover.closed") == [(0, 0, 0)]
    assert channel(sim, 4)["claims"] == TAMPER


def test_a_button_closes_what_waits_for_the_hand(sim):
    configure(sim, reclose="armed", limit_w=1000, limit_guard_s=5, limit_restore_s=10)
    switch(sim, "kettle")
    sim.run_for(14_000)
    switch(sim, "kettle", False)
    sim.run_for(20_000)
    assert channel(sim, 1)["claims"] == OVERLOAD, "armed, and nobody has pressed"
    sim.ask("fault", kind="button", ch=1, value=True)
    sim.run_for(500)
    sim.ask("fault", kind="button", ch=1, value=False)
    sim.run_for(5_000)
    assert channel(sim, 1)["contact"]

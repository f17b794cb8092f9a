"""What goes wrong at a site, seen by the whole firmware on a board without any broker."""

import pytest

from thoroughness import one_in
from umeter_sim.board_api import BoardError, open_board
from umeter_sim.journal_image import decode_journal

KEY = "42" * 32
UNITS_PER_WH = 36_000_000
FAULT, CREDIT = 128, 2
LOAD_DW = 10_000  # 1 kW: 1 Wh in 3.6 s


def site(port=1):
    return {
        "meter": "m1",
        "key": KEY,
        "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
        "broker": {"host": "127.0.0.1", "port": port},  # nobody listens there
        "plain_tcp": True,
    }


@pytest.fixture
def sim(tmp_path):
    with open_board(
        runtime="cpython", site=site(), workdir=tmp_path, loads=[LOAD_DW] * 8, seed=3
    ) as board:
        for index in range(8):
            board.ask("eval", expression=f"app.meter.channels[{index}].account.credit(9_000_000)")
        board.ask("eval", expression="app.meter.commit()")
        board.run_for(15_000)
        assert all(channel["contact"] for channel in channels(board))
        yield board


def channels(board):
    return board.ask("meter")["channels"]


def off_wh(board, ch):
    """Distance of a channel's register from what its load drew, in Wh."""
    told, drawn = channels(board)[ch - 1], board.ask("truth")["channels"][ch - 1]
    units = told["residual"] - drawn["residual"]
    return told["wh"] - drawn["wh"] + units / UNITS_PER_WH


def events(board):
    ring = "[[e[2], e[3], e[4]] for e in app.meter.events._ring]"
    return [tuple(event) for event in board.ask("eval", expression=ring)["value"]]


def open_contact(board, ch):
    """As the operator's order does."""
    channel = f"app.meter.channels[{ch - 1}]"
    board.ask("eval", expression=f"setattr({channel}, 'claims', {channel}.claims | 4)")


def test_a_dead_front_end_cuts_its_user_alone_and_loses_no_energy(sim):
    sim.ask("fault", kind="dead", ch=4, value=True)
    sim.run_for(59_000)
    assert channels(sim)[3]["contact"]
    sim.run_for(5_000)
    cut = channels(sim)
    assert [bool(c["contact"]) for c in cut] == [ch != 4 for ch in range(1, 9)]
    assert cut[3]["claims"] == FAULT
    assert ("frontend.silent", 4, 0) in events(sim)
    sim.ask("fault", kind="dead", ch=4, value=False)
    sim.run_for(60_000)
    assert channels(sim)[3]["contact"] and channels(sim)[3]["claims"] == 0
    assert ("frontend.back", 4, 0) in events(sim)
    assert all(abs(off_wh(sim, ch)) <= 1 for ch in range(1, 9))


def test_lost_and_garbled_frames_cost_no_energy(sim):
    for ch in (1, 5):
        sim.ask("fault", kind="garbled", ch=ch, value=40)
        sim.ask("fault", kind="lost", ch=ch + 1, value=40)
    sim.run_for(600_000)
    assert all(channel["contact"] for channel in channels(sim))
    assert all(abs(off_wh(sim, ch)) <= 1 for ch in range(1, 9))


def test_a_welded_contact_is_told_and_billed(sim):
    sim.ask("fault", kind="welded", ch=2, value=True)
    open_contact(sim, 2)
    sim.run_for(60_000)
    assert not channels(sim)[1]["contact"]
    assert [event for event in events(sim) if event[:2] == ("energy.open", 2)]
    assert abs(off_wh(sim, 2)) <= 1


@pytest.mark.parametrize("register_wh", [0, 7_000_000])
def test_a_swapped_module_books_nothing_of_its_register(sim, register_wh):
    sim.ask("fault", kind="swapped", ch=6, value=register_wh)
    before_wh = channels(sim)[5]["wh"]
    sim.run_for(10_000)
    booked_wh = channels(sim)[5]["wh"] - before_wh
    assert 0 <= booked_wh <= 4, "2.8 Wh were drawn"
    codes = {event[0] for event in events(sim) if event[1] == 6}
    assert codes & {"register.reset", "register.jump"}


def test_an_open_contact_draws_and_charges_nothing(sim):
    open_contact(sim, 7)
    sim.run_for(2_000)
    before = channels(sim)[6]
    sim.run_for(3_600_000)
    assert channels(sim)[6]["charged_total_u"] - before["charged_total_u"] <= 200  # one late Wh
    assert not channels(sim)[6]["contact"]


def test_power_cuts_at_any_byte_of_the_journal_keep_the_books(sim):
    """Cut while the flash is written, at 60 places; credit is never lost, energy within 4 Wh."""
    for at_byte in range(1, 2_400, 40):
        drawn_before = sum(c["wh"] for c in sim.ask("truth")["channels"])
        told_before = channels(sim)
        sim.ask("fault", kind="flash_cut", value=at_byte)
        with pytest.raises(BoardError, match="power was cut"):
            sim.run_for(120_000)
        truth = sim.ask("truth")["channels"]
        sim.power_on(after_ms=1000)
        sim.run_for(3_000)
        for told, before in zip(channels(sim), told_before, strict=True):
            assert told["credited_total_u"] == before["credited_total_u"] == 9_000_000
            assert told["charged_total_u"] >= before["charged_total_u"] - 1_000
            assert told["balance_u"] == told["credited_total_u"] - told["charged_total_u"]
        drawn = sum(c["wh"] * UNITS_PER_WH + c["residual"] for c in truth)
        told = sum(c["wh"] * UNITS_PER_WH + c["residual"] for c in channels(sim))
        assert drawn // UNITS_PER_WH >= drawn_before
        assert -1 * 8 <= (drawn - told) / UNITS_PER_WH <= 4 + 8, at_byte


def test_what_the_journal_holds_is_what_the_meter_says(sim):
    sim.run_for(100_000)
    sim.ask("eval", expression="app.meter.commit()")
    for kept, told in zip(decode_journal(sim.flash()), channels(sim), strict=True):
        assert kept == {name: told[name] for name in kept}


def test_a_board_with_a_wrong_site_file_stays_dark(tmp_path):
    wrong = {**site(), "key": "short"}
    with pytest.raises(BoardError, match="64 hex digits"):
        open_board(runtime="cpython", site=wrong, workdir=tmp_path)


@pytest.mark.parametrize("runtime", one_in(2, ["micropython", "cpython"]))
def test_a_broker_that_is_not_there_delays_no_tick(runtime, tmp_path):
    with open_board(runtime=runtime, site=site(), workdir=tmp_path, loads=[LOAD_DW] * 8) as board:
        board.run_for(120_000)
        assert board.ask("meter")["worst_gap_ms"] - 100 <= 50

"""The scored site: that it is what it says, and that the rules do well on a small one."""

import numpy as np
import pytest

from station_kit import FixedClock, reading, store, uplink
from umeter_sim import watch_bench
from umeter_sim.watch_deal import KINDS
from umeter_sim.watch_faults import bad_power, chatter, free_supply, reversed_wires, welded
from umeter_sim.watch_people import live
from umeter_sim.watch_replay import Found, Replay
from umeter_sim.watch_site import DAY, HOUR, START_S, STEP_S, Board, Truth, record
from umeter_sim.watch_troubles import lossy_radio
from umeter_station.inbox import Inbox
from umeter_station.watch import engine, findings, thresholds
from umeter_station.watch.catalog import FAST, RULES
from umeter_station.watch.recent import Recent

SEED = 11
FAST_KINDS = (reversed_wires, welded, bad_power, chatter, free_supply, lossy_radio)


def board(days=10, seed=SEED):
    return Board("m0", np.random.default_rng(seed), days * DAY)


def test_the_inlet_has_what_the_channels_have_within_their_class():
    recording = record(board())
    total = recording.intervals.wh.sum(axis=0)
    others = total[1:].sum()
    assert total[0] == pytest.approx(others, rel=0.025)
    assert total[0] != others


def test_intervals_are_differences_of_the_register():
    recording = record(board())
    rows, profile = recording.readings, recording.intervals
    moved = rows.energy_wh[-1] - rows.energy_wh[0]
    taken = profile.wh.sum(axis=0)
    assert np.all(np.abs(moved - taken) <= 2000)
    assert np.all(np.diff(rows.energy_wh, axis=0) >= 0)


def test_a_site_is_repeated_by_its_seed():
    one, same = (record(board()) for _ in range(2))
    assert np.array_equal(one.readings.energy_wh, same.readings.energy_wh)
    assert not np.array_equal(one.readings.energy_wh, record(board(seed=12)).readings.energy_wh)


def test_every_kind_of_fault_is_dealt():
    kinds = {
        truth.rule
        for recording in watch_bench.recordings(SEED, meters=8, days=60)
        for truth in recording.board.truths
        if truth.required
    }
    assert kinds == {rule.id for rule in RULES}
    assert len(KINDS) == len(RULES)


def test_people_alone_are_no_fault():
    """Ten days of an honest house: power cuts, outages of credit, tenants who come and go."""
    for seed in (1, 2):
        made = board(days=10, seed=seed)
        live(made)
        scores = {rule.id: watch_bench.Score() for rule in RULES}
        watch_bench.score(record(made), Replay(record(made)).run(), scores)
        physical = [scores[rule.id].wrong for rule in RULES if rule.physical]
        assert sum(physical) == 0


# Those that are found without weeks to learn from.
QUICK = [kind for kind in KINDS if kind.__name__ not in ("nothing_used", "tap", "spike", "surge")]


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.__name__)
def test_one_fault_alone_is_found(kind):
    made = board(days=6)
    made.wanted_w += 150
    kind(made, 3 * DAY, 3)
    found = Replay(record(made)).run()
    for truth in made.truths:
        if truth.required:
            hits = [f for f in found if f.rule == truth.rule and f.ch == truth.ch]
            assert hits and hits[0].opened_s >= START_S + truth.first * STEP_S


def test_a_small_site():
    scores = watch_bench.measure(SEED, meters=5, days=16)
    physical = [scores[rule.id] for rule in RULES if rule.physical]
    assert sum(len(score.delays_s) for score in scores.values()) >= 5
    assert sum(score.wrong + score.missed for score in physical) <= 1


@pytest.mark.slow
def test_the_station_finds_the_same_in_its_database(db):
    """Readings and events through the ingest, the engine once an hour: as the replay has it."""
    made = board(days=1)
    made.wanted_w += 150
    for number, kind in enumerate(FAST_KINDS):
        kind(made, 4 * HOUR + 2 * number * HOUR, number)
    recording = record(made)
    replayed = {(f.rule, f.ch, f.opened_s) for f in Replay(recording).run()}
    recent, inbox = Recent(), Inbox(FixedClock.tolerance_s)
    rows, events = recording.readings, list(recording.events)
    settings = {"version": 1, "report_s": STEP_S, "ch.1.limit_w": 60_000}
    store(db, uplink("settings", settings), now_s=START_S)
    with db.write() as conn:
        thresholds.put(conn, "m1", 1, "max_w", 60_000, "system", START_S)
    at = 0
    for hour in range(1, 24):
        now_s = START_S + 3600 * hour + 7
        with db.write() as conn:
            while at < len(rows) and rows.received_s[at] <= now_s:
                message, received_s = _message(rows, at)
                inbox.store(conn, [message], received_s)
                at += 1
        while events and events[0].at_s <= now_s:
            event = events.pop(0)
            document = {"t": event.at_s, "boot": 3}
            document |= {name: getattr(event, name) for name in ("n", "code", "ch", "a", "b")}
            store(db, uplink("event", document), now_s=event.at_s)
        with db.write() as conn:
            engine.write(conn, engine.look_at(conn, now_s, recent))
    with db.read() as conn:
        opened = {
            (found.rule, found.ch, entry.at)
            for found in findings.list_(conn)
            for entry in findings.history(conn, found.id)
            if entry.what in ("opened", "reopened")
        }
    # The ones about the profile have their turn at other minutes, and none was sent.
    # An event is a sign of life there, too, even where the radio loses the readings.
    fast = {rule.id for rule in RULES if rule.pace == FAST} - {"A02"}
    told = {seen for seen in opened if seen[0] in fast}
    assert told == {seen for seen in replayed if seen[0] in fast}
    assert {rule for rule, _, _ in told} >= {"A05", "A06", "A19", "A18"}


def _message(rows, at):
    names = ("energy_wh", "power_dw", "voltage_dv", "current_ma", "balance_u", "contact", "age_s")
    columns = {name: getattr(rows, name)[at].tolist() for name in (*names, "state")}
    columns["credited_total_u"] = [9_000_000] * 8
    columns["charged_total_u"] = [9_000_000 - b for b in columns["balance_u"]]
    state = columns.pop("state")
    head = {name: int(getattr(rows, name)[at]) for name in ("boot", "seq", "t", "clock")}
    document = {**reading(channels=8, **columns), **head}
    document |= {"state": state, "armed": [0] * 8, "rate": [1] * 8, "days_left": [9] * 8}
    return uplink("reading", document), int(rows.received_s[at])


def test_the_score_counts_what_it_says():
    class Truths:
        truths = [
            Truth("A05", 2, 100, 200, True),
            Truth("A05", 3, 100, 200, True),
            Truth("A05", 7, 100, 200, False),
        ]

    class Recording:
        name, board = "m0", Truths

    at_s = START_S + 150 * STEP_S
    found = [
        Found("A05", 2, at_s, at_s, told_s=at_s),
        Found("A05", 4, at_s, at_s, told_s=at_s),
        Found("A05", 7, at_s, at_s, told_s=at_s),
        Found("A05", 5, at_s, at_s),  # never told: something else explained it
    ]
    scores = {"A05": watch_bench.Score()}
    watch_bench.score(Recording, found, scores)
    score = scores["A05"]
    assert (score.right, score.along, score.wrong, score.missed) == (1, 1, 1, 1)
    assert score.delays_s == [50 * STEP_S]
    assert (score.precision, score.recall) == (0.5, 0.5)

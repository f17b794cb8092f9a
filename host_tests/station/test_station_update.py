"""The station brings a release to a meter, piece by piece, and knows what became of it."""

import base64
import json

import pytest

from log_kit import Link, Logs, audit_raw
from release_kit import BUNDLE, FILES, answer, brought, event, known, newest, started, status
from station_kit import NOW_S, counted, new_database, reading, result, sell, store, uplink
from umeter_deploy import bundle as bundles
from umeter_station import orders, records, update
from umeter_station.envelope import sign
from umeter_station.errors import StationError


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def test_the_pieces_go_out_one_at_a_time_as_the_meter_wants_them(db):
    started(db)
    offer = newest(db)
    assert offer.args == {
        "do": "offer",
        "release": 2,
        "board": "sim8",
        "manifest": BUNDLE.name,
        "size": len(BUNDLE.manifest),
        "file": 2,
    }
    answer(db, want=[0, 0], kept=0)
    assert known(db).state == "fetching" and newest(db).args == {"file": 0, "at": 0}
    answer(db, want=[2, 900], kept=0)
    chunk = newest(db)
    assert chunk.args == {"file": 2, "at": 900}
    with db.read() as conn:
        payload = json.loads(orders.payload(chunk, NOW_S, update.data_of(conn, chunk)))
    assert base64.b64decode(payload["data"]) == b"a" * 900 and payload["at"] == 900
    answer(db, want=[2, 1800])
    answer(db, want=None, kept=0)
    assert known(db).state == "switching"
    assert newest(db).args == {"do": "switch", "release": 2}
    answer(db)
    assert known(db).state == "trial"
    event(db, "update.kept", 2)
    assert (known(db).state, known(db).by) == ("kept", "ann")


def test_the_largest_piece_fits_into_what_a_meter_takes():
    fields = {
        "file": 255,
        "at": 65_535,
        "data": base64.b64encode(bytes(update.CHUNK_BYTES)).decode(),
    }
    command = orders.Command(
        id=1,
        meter="m1",
        n=2**30 - 1,
        op="chunk",
        args=fields,
        created_at=NOW_S,
        exp=2**32,
        state="created",
        code=None,
        result=None,
    )
    assert len(sign(bytes(32), orders.payload(command, NOW_S))) <= 2048


def test_what_the_meter_has_already_it_is_asked_to_keep(db):
    started(db)
    answer(db, want=[0, 0], kept=0)
    answer(db, want=[2, 0], kept=8)
    assert newest(db).args == {"do": "keep", "file": 2}
    answer(db, want=[2, 0], kept=0)
    assert newest(db).args == {"file": 2, "at": 0}


def test_what_people_order_goes_out_beside_it(db):
    started(db)
    sell(db)
    answer(db, want=[0, 0], kept=0)
    assert newest(db).op == "chunk"


def test_a_lost_answer_is_asked_for_again(db):
    started(db)
    answer(db, "replayed", first="applied")
    assert newest(db).args == {"do": "keep", "file": 0}


def test_a_switch_whose_answer_was_lost_counts(db):
    brought(db)
    answer(db, "replayed", first="applied")
    assert known(db).state == "trial"


def test_what_nobody_answered_in_time_is_ordered_again_at_the_next_reading(db):
    started(db)
    answer(db, want=[1, 0], kept=0)
    with db.write() as conn:
        orders.give_up(conn, known(db).command_id)
    store(db, uplink("reading", reading()))
    assert newest(db).args["do"] == "offer"
    store(db, uplink("reading", reading(seq=2)))
    assert newest(db).args["do"] == "offer"
    brought_on = answer(db, want=None, kept=0)
    assert brought_on.args["do"] == "offer" and newest(db).args["do"] == "switch"
    with db.write() as conn:
        orders.give_up(conn, known(db).command_id)
    store(db, uplink("reading", reading(seq=3)))
    assert newest(db).args["do"] == "switch"


def test_a_release_that_goes_back_is_told(db):
    brought(db)
    answer(db)
    event(db, "update.back", 1, 2)
    assert known(db).state == "back" and "1 runs again" in known(db).sentence
    started(db)
    assert known(db).state == "offered"


def logged(code, a, b, n=1, t=NOW_S):
    """A meter's log that ends with this event."""
    logs = Logs()
    words = records.EVENT_CODES
    logs.append("events", [audit_raw(n, t=t, boot=2, code=words.index(code), a=a, b=b)])
    return logs


def test_a_release_that_goes_back_may_be_told_by_the_meters_log_alone(db):
    brought(db)
    answer(db)
    link = Link(db, logged("update.back", 1, 2))
    link.read(boot=2)
    link.pull()
    assert known(db).state == "back"


def test_what_was_told_already_says_nothing_of_the_next_trial(db):
    brought(db)
    answer(db)
    event(db, "update.back", 1, 2)
    brought(db)
    answer(db)
    link = Link(db, logged("update.back", 1, 2))
    link.read(boot=2)
    link.pull()
    assert known(db).state == "trial", "the log has it, but it was told before"


def test_what_is_told_late_of_an_earlier_trial_says_nothing_of_this_one(db):
    brought(db)
    answer(db)
    link = Link(db, logged("update.back", 1, 2, t=NOW_S - 3600))
    link.read(boot=2)
    link.pull()
    assert known(db).state == "trial"


def test_events_of_another_release_mean_nothing(db):
    brought(db)
    answer(db)
    event(db, "update.kept", 7)
    event(db, "update.back", 1, 7, n=2)
    assert known(db).state == "trial"


def test_what_the_meter_says_it_runs_stands_for_a_lost_event(db):
    brought(db)
    status(db, release=1, digest="old")
    assert known(db).state == "switching"
    status(db, release=2, digest=BUNDLE.software)
    assert known(db).state == "trial"
    store(db, uplink("reading", {**reading(boot=2), "up_s": 300}))
    assert known(db).state == "trial"
    store(db, uplink("reading", {**reading(boot=2, seq=2), "up_s": 700}))
    assert known(db).state == "kept"


@pytest.mark.parametrize("code", ["not_now", "range", "outdated", "unknown_op"])
def test_a_refusal_ends_it_in_the_meters_words(db, code):
    started(db)
    answer(db, code, reason="no room")
    assert (known(db).state, known(db).sentence) == ("failed", f"{code}: no room")


@pytest.mark.parametrize("want", [[7, 0], [1, 70], [1, -1], [1], "x", 7, [True, 0], [[], 0]])
def test_a_meter_that_wants_what_there_is_not_is_given_nothing(db, want):
    started(db)
    answer(db, want=want, kept=0)
    assert known(db).state == "failed" and counted(db).get("message.malformed", 0) == 0


def test_a_meter_that_never_gets_on_is_given_up(db):
    started(db)
    answer(db, want=[1, 0], kept=0)
    for _ in range(update._MOST_STUCK):
        assert known(db).is_open
        answer(db, want=[1, 0], kept=0)
    assert known(db).sentence == "it asks for file 1 again and again"


def test_an_answer_that_comes_twice_or_late_orders_nothing(db):
    started(db)
    first = answer(db, want=[0, 0], kept=0)
    store(db, result(first.n, op="update", want=[0, 0]))
    assert newest(db).args == {"file": 0, "at": 0}


def test_one_at_a_time(db):
    first = started(db)
    assert started(db) == first
    with pytest.raises(StationError, match="on its way to release 2"):
        started(db, bundles.make(3, "3", "sim8", 302, FILES))


def test_a_bundle_for_another_board_or_an_older_one_is_refused(db):
    status(db, release=2)
    with pytest.raises(StationError, match="must be newer"):
        started(db)
    status(db, release=1, board="sim4")
    with pytest.raises(StationError, match="m1 is a sim4"):
        started(db)


def test_it_can_be_given_up(db):
    started(db)
    with db.write() as conn:
        assert update.give_up(conn, "m1", NOW_S)
        assert not update.give_up(conn, "m1", NOW_S)
    assert newest(db).args == {"do": "abort"} and known(db).state == "failed"
    answer(db)
    assert known(db).state == "failed"


def test_a_trial_cannot_be_given_up(db):
    brought(db)
    answer(db)
    with db.write() as conn, pytest.raises(StationError, match="its trial ends by itself"):
        update.give_up(conn, "m1", NOW_S)

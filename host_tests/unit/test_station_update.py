"""The station brings a release to a meter, piece by piece, and knows what became of it."""

import base64
import json

import pytest
import sqlalchemy as sa

from cli_kit import clocked_home, run, squeezed
from station_kit import NOW_S, counted, new_database, reading, result, sell, store, uplink
from umeter_deploy import bundle as bundles
from umeter_station import orders, update
from umeter_station.envelope import sign
from umeter_station.errors import StationError
from umeter_station.models import commands

FILES = {"umeter/__init__.mpy": b"i" * 70, "umeter/app.mpy": b"a" * 2000}
BUNDLE = bundles.make(2, "0.2.0", "sim8", 302, FILES)


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def started(db, bundle=BUNDLE):
    with db.write() as conn:
        name = update.add_bundle(conn, bundle, NOW_S)
        return update.start(conn, "m1", name, NOW_S, "ann")


def known(db):
    with db.read() as conn:
        return update.latest(conn, "m1")


def newest(db):
    """The order that is open."""
    with db.read() as conn:
        ids = conn.execute(
            sa.select(commands.c.id)
            .where(commands.c.state.in_(orders.OPEN_STATES), commands.c.op != "credit")
            .order_by(commands.c.n)
        )
        (command_id,) = ids.scalars().all()
        return orders.get(conn, command_id)


def answer(db, code="applied", **more):
    """The meter's, to the order that is open; then the next order."""
    order = newest(db)
    store(db, result(order.n, code, op=order.op, **more))
    return order


def event(db, code, a, b=0, n=1):
    store(
        db, uplink("event", {"n": n, "boot": 2, "t": NOW_S, "code": code, "ch": 0, "a": a, "b": b})
    )


def status(db, **more):
    document = {"state": "online", "boot": 1, "channels": 2, "board": "sim8", "clock": 1, **more}
    store(db, uplink("status", document))


def brought(db):
    """Up to the order to switch."""
    started(db)
    answer(db, want=[0, 0], kept=0)
    answer(db, want=[1, 0], kept=0)
    answer(db, want=None, kept=1)


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


@pytest.fixture
def home(tmp_path):
    return clocked_home(tmp_path)


@pytest.fixture
def bundle_file(tmp_path):
    path = tmp_path / "sim8-2.zip"
    path.write_bytes(bundles.packed(BUNDLE))
    return path


def test_the_command_starts_it_and_tells_how_far_it_is(home, db, bundle_file):
    done = run(home, "update", "m1", "--bundle", bundle_file, "--no-wait")
    assert done.exit_code == 0, done.output
    assert any("m1 2 offered" in line for line in squeezed(done.stdout))
    answer(db, want=[1, 0], kept=0)
    assert any("m1 2 file 1 of 2" in line for line in squeezed(run(home, "update", "m1").stdout))
    assert "m1: given up." in run(home, "update", "m1", "--abort").output
    assert "m1: nothing was under way." in run(home, "update", "m1", "--abort").output


def test_the_command_waits_and_fails_with_the_update(home, db, bundle_file, monkeypatch):
    def one_poll(_):
        answer(db, "not_now", reason="no room")

    monkeypatch.setattr("umeter_station.cli_update.time.sleep", one_poll)
    done = run(home, "update", "m1", "--bundle", bundle_file)
    assert done.exit_code == 1 and "not_now: no room" in done.output


def test_the_others_wait_for_the_canary(home, tmp_path, bundle_file, monkeypatch):
    db = new_database(tmp_path, "m1", "m2")

    def one_poll(_):
        with db.read() as conn:
            assert update.latest(conn, "m2") is None
        answer(db, "not_now", reason="no room")

    monkeypatch.setattr("umeter_station.cli_update.time.sleep", one_poll)
    done = run(home, "update", "m1", "m2", "--bundle", bundle_file, "--canary")
    assert done.exit_code == 1
    with db.read() as conn:
        assert update.latest(conn, "m2") is None


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--canary"], "--canary needs a --bundle"),
        (["--abort", "--canary"], "--abort goes alone"),
        (["--bundle", "nowhere.zip"], "nowhere.zip cannot be read"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(home, db, options, sentence):
    done = run(home, "update", "m1", *options)
    assert done.exit_code == 1 and sentence in done.output

"""What a meter's logs hold is pulled: each record once, in order, whatever comes in between."""

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes_core import Flash
from log_kit import (
    Link,
    Logs,
    audit_raw,
    chain,
    findings,
    interval_raw,
    numbers,
    open_histories,
)
from station_kit import NOW_S, counted, new_database, reading, result, store, uplink
from umeter.core import profile_close, ring_read
from umeter.core.profile import Profile
from umeter_station import history, models, orders, queries, records

_STEPS = ("append", "read", "answer", "repeat", "lose", "old", "expire")


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def test_a_reading_causes_one_order_per_log_until_all_is_here(db, link):
    link.read()
    link.read()
    assert [order.args for order in open_histories(db)] == [
        {"what": "events", "from": 1, "count": 16},
        {"what": "profile", "from": 1, "count": 32},
    ]
    assert link.pull() == 6
    assert numbers(db) == list(range(1, 41))
    assert numbers(db, models.intervals) == list(range(1, 71))
    assert link.asked == [("profile", n) for n in (1, 33, 65)] + [
        ("events", n) for n in (1, 17, 33)
    ]
    link.read()
    assert open_histories(db) == [] and findings(db) == []


def test_records_are_decoded_and_kept_as_they_are(db, link, logs):
    raw = audit_raw(41, b"\x07" * 32, t=0, boot=9, ch=3, code=255, a=-5, b=2**62)
    logs.append("events", [raw])
    interval = interval_raw(71, [65535, 2, 3, 4, 5, 6, 7, 8], 0, 30, 3, 1, 128)
    logs.append("profile", [interval])
    link.read()
    link.pull()
    with db.read() as conn:
        table = models.audit_records
        row = conn.execute(sa.select(table).where(table.c.n == 41)).one()
        assert tuple(row) == ("m1", 41, raw, 9, 0, 3, "code.255", -5, 2**62, NOW_S)
        table = models.intervals
        row = conn.execute(sa.select(table).where(table.c.n == 71)).one()
        assert tuple(row)[:8] == ("m1", 71, interval, 0, 30, 3, 1, 128)
        assert tuple(row)[8:] == (65535, 2, 3, 4, 5, 6, 7, 8, NOW_S)


def test_events_that_were_never_published_are_known_from_the_log(db, link):
    store(db, uplink("event", {"n": 2, "code": "forged", "a": 99}))
    link.read()
    link.pull()
    with db.read() as conn:
        events = queries.latest_events(conn, "m1", 99)
    assert [event["n"] for event in events] == list(range(1, 41))
    assert (events[1]["code"], events[1]["a"]) == ("boot", 2)


def test_a_meter_without_logs_is_never_asked(db, link):
    document = reading(seq=1) | {"event": 77}
    store(db, uplink("reading", document))
    assert open_histories(db) == []


def test_nothing_is_asked_of_an_empty_log(db, link):
    link.read(event=0, interval=-1)
    assert open_histories(db) == [] and findings(db) == []


@pytest.mark.parametrize("code", ["unknown_op", "not_now", "range"])
def test_a_refusal_is_respected(db, link, code):
    def all_refused():
        for order in open_histories(db):
            store(db, result(order.n, code, op="history"))

    status = {"state": "online", "channels": 2, "clock": 1, "version": "1", "digest": "aa"}
    store(db, uplink("status", status | {"boot": 1}))
    link.read()
    all_refused()
    link.read()
    assert open_histories(db) == []
    assert counted(db)["history.refused"] == 2
    store(db, uplink("status", status | {"boot": 2}))
    link.read(boot=2)
    # Another boot does not teach it the order; other software may.
    assert len(open_histories(db)) == (0 if code == "unknown_op" else 2)
    store(db, uplink("status", status | {"boot": 3, "digest": "bb"}))
    link.read(boot=3)
    assert len(open_histories(db)) == 2
    link.pull()
    assert len(numbers(db)) == 40


def test_an_order_nobody_answered_is_given_again_by_a_later_reading(db, link):
    link.read()
    lost = open_histories(db)
    with db.write() as conn:
        conn.execute(sa.update(models.commands).values(state="expired"))
    link.read()
    assert [o.args for o in open_histories(db)] == [o.args for o in lost]
    # The answer to the first comes after all.
    for order in lost:
        link.answer(order)
    assert numbers(db) == list(range(1, 17))
    assert len(open_histories(db)) == 2
    link.pull()
    assert numbers(db) == list(range(1, 41)) and findings(db) == []


def test_an_answer_that_got_lost_is_asked_for_again_but_not_at_once(db, link):
    link.read()
    for order in open_histories(db):
        store(db, result(order.n, "replayed", first="applied"))
    assert open_histories(db) == []
    link.read()
    link.pull()
    assert numbers(db) == list(range(1, 41))


def test_duplicates_and_late_answers_change_nothing(db, link):
    link.read()
    first = open_histories(db, "events")[0]
    again = link.result(first)
    link.answer(first)
    link.pull()
    before = numbers(db)
    link.logs.append("events", chain(3, 41))
    store(db, again, again)
    link.read()
    store(db, again)
    assert len(open_histories(db, "events")) == 1
    link.pull()
    assert numbers(db) == [*before, 41, 42, 43] and findings(db) == []


def test_an_older_reading_that_comes_late_asks_for_nothing(db, link):
    link.read()
    link.pull()
    link.read(event=12, interval=3)
    assert open_histories(db) == [] and findings(db) == []


@settings(max_examples=30)
@given(st.lists(st.sampled_from(_STEPS), max_size=40))
def test_whatever_the_order_of_things_all_that_is_held_gets_here(steps):

    with tempfile.TemporaryDirectory() as home:
        db = new_database(Path(home))
        link = Link(db, Logs())
        sent = []
        raws = chain(400)
        for step in steps:
            waiting = open_histories(db)
            if step == "append":
                link.logs.append("events", raws[:7])
                del raws[:7]
            elif step == "read":
                link.read()
            elif step == "old":
                link.read(event=3, interval=0)
            elif step == "answer" and waiting:
                sent.append(link.result(waiting[0]))
                store(db, sent[-1])
            elif step == "repeat" and sent:
                store(db, sent[len(sent) // 2])
            elif step == "lose" and waiting:
                store(db, result(waiting[0].n, "replayed", first="applied"))
            elif step == "expire":
                with db.write() as conn:
                    c = models.commands.c
                    conn.execute(
                        sa.update(models.commands)
                        .where(c.state.in_(orders.OPEN_STATES))
                        .values(state="expired")
                    )
        link.read(now_s=NOW_S + 900)
        link.pull()
        held = [int.from_bytes(raw[:4], "little") for raw in link.logs.rings["events"]]
        assert numbers(db) == held and findings(db) == []
        db.close()


def test_raw_records_are_not_kept_twice(db, link):
    link.read()
    link.pull()
    with db.read() as conn:
        results = conn.execute(sa.select(models.commands.c.result)).scalars()
        assert all("records" not in json.loads(text) for text in results)


def test_pulling_a_log_is_nobodys_waiting_order(db, link):
    link.read()
    assert len(open_histories(db)) == 2
    with db.read() as conn:
        assert queries.open_count(conn, "m1") == 0


def test_an_order_asks_for_no_more_than_the_meter_gives():
    assert {kind: log.chunk for kind, log in history.LOGS.items()} == {
        "events": 16,
        "profile": 32,
    }


def test_an_interval_is_read_as_the_firmware_packs_it():
    when = NOW_S - records.EPOCH_OFFSET_S
    profile = Profile(Flash(sectors=4), 0, 4)
    profile.n, profile.start, profile.base_wh = 1, when - 900, [100] * 8
    profile.flags, profile.quarantined, profile.estimated = 2, 0b101, 0
    channels = [
        SimpleNamespace(index=i, register=SimpleNamespace(wh=100 + 10 * i)) for i in range(7)
    ]
    channels.append(SimpleNamespace(index=7, register=SimpleNamespace(wh=70_000)))
    meter = SimpleNamespace(
        profile=profile, channels=channels, commit=lambda *_: None, later={}, settings=None
    )
    profile_close._close(meter, when, when)
    raw, _ = ring_read.copy(profile.ring, 1, 1)
    assert records.interval(bytes(raw)) == records.Interval(
        1, NOW_S, 15, 2, 0b101, 1 << 7, (0, 10, 20, 30, 40, 50, 60, 65_535)
    )

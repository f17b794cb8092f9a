"""The twin of a meter's settings: each desired value, what became of it, and whose it is."""

import threading

import pytest

from cli_kit import clocked_home, told
from station_kit import KEY, NOW_S, STATION_KEY, new_database, result, store, uplink
from umeter_station import answers, envelope, orders, twin
from umeter_station import db as databases
from umeter_station.errors import Conflict, StationError
from umeter_station.firmware_check import Document
from umeter_station.outbox import Outbox
from umeter_station.secrets import Safe
from umeter_station.station import Books

DEFAULTS = Document({}, 2)._settings.to_dict()


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def set_(db, changes, base=None, by="anna", now_s=NOW_S):
    with db.write() as conn:
        return orders.get(conn, twin.order_set(conn, "m1", changes, now_s, base, by))


def report(db, version, now_s=NOW_S, **settings):
    store(db, uplink("settings", {**DEFAULTS, "version": version, **settings}), now_s=now_s)


def answer(db, order, code="applied", now_s=NOW_S, **more):
    store(db, result(order.n, code, **more), now_s=now_s)


def seen(db):
    with db.read() as conn:
        return twin.get(conn, "m1")


def states(db):
    return {row.key: row.state for row in seen(db).desired}


def row(db, key):
    return next(row for row in seen(db).desired if row.key == key)


def all_sets(db):
    with db.read() as conn:
        found = [orders.find(conn, "m1", n) for n in range(1, 20)]
    return [order for order in found if order is not None]


def test_what_is_set_waits_and_is_applied_when_the_meter_says_so(db):
    order = set_(db, {"report_s": 30, "ch.2.limit_w": 900})
    assert order.args == {"version": 1, "set": {"report_s": 30, "ch.2.limit_w": 900}}
    waiting = row(db, "report_s")
    assert (waiting.state, waiting.set_by, waiting.version) == ("waiting", "anna", 1)
    assert waiting.is_open and seen(db).waiting() == order.args["set"]
    answer(db, order, now_s=NOW_S + 9)
    assert states(db) == {"report_s": "applied", "ch.2.limit_w": "applied"}
    assert row(db, "report_s").since == NOW_S + 9 and seen(db).waiting() == {}


def test_each_key_has_a_fate_of_its_own(db):
    order = set_(db, {"report_s": 30, "weekend": [5]})
    answer(db, order, "partly", keys={"report_s": "applied", "weekend": "weekend must be ..."})
    assert states(db) == {"report_s": "applied", "weekend": "refused"}
    assert row(db, "weekend").sentence == "weekend must be ..."


@pytest.mark.parametrize(
    ("code", "more", "sentence"),
    [
        ("range", {"keys": {"report_s": "too small"}}, "too small"),
        ("range", {"reason": "version must be more"}, "range: version must be more"),
        ("expired", {}, "expired"),
        ("partly", {}, "refused in part, and the answer that said which was lost"),
    ],
)
def test_a_refusal_keeps_the_meters_words(db, code, more, sentence):
    answer(db, set_(db, {"report_s": 30}), code, **more)
    assert (row(db, "report_s").state, row(db, "report_s").sentence) == ("refused", sentence)


def test_a_report_settles_what_an_answer_left_open(db):
    order = set_(db, {"report_s": 30, "weekend": [5]})
    report(db, 0, report_s=30)
    assert states(db)["report_s"] == "waiting", "it was so before, that proves nothing"
    report(db, 1, report_s=30)
    assert states(db) == {"report_s": "applied", "weekend": "waiting"}
    store(db, result(order.n, "replayed", first="partly"))
    assert states(db) == {"report_s": "applied", "weekend": "refused"}


@pytest.mark.parametrize("report_first", [True, False])
def test_answer_and_report_may_come_in_any_order(db, report_first):
    report(db, 0)
    order = set_(db, {"report_s": 30})
    steps = [lambda: report(db, 1, report_s=30), lambda: answer(db, order)]
    for step in steps if report_first else steps[::-1]:
        step()
        assert states(db) == {"report_s": "applied"}


def test_another_value_reported_is_a_difference_until_it_is_gone(db):
    order = set_(db, {"report_s": 30})
    answer(db, order)
    report(db, 1, report_s=30)
    report(db, 1, now_s=NOW_S + 60, report_s=31)
    report(db, 1, now_s=NOW_S + 90, report_s=32)
    answer(db, order, now_s=NOW_S + 95)
    assert (row(db, "report_s").state, row(db, "report_s").since) == ("differs", NOW_S + 60)
    report(db, 1, now_s=NOW_S + 99, report_s=30)
    assert (row(db, "report_s").state, row(db, "report_s").since) == ("applied", NOW_S + 99)


def test_a_meter_that_lost_its_settings_is_seen(db):
    answer(db, set_(db, {"report_s": 30}))
    report(db, 1, report_s=30)
    report(db, 0)
    assert states(db) == {"report_s": "differs"} and seen(db).version == 1


def test_what_nobody_desired_is_no_difference(db):
    report(db, 7, report_s=30)
    assert seen(db).desired == () and seen(db).version == 7
    assert seen(db).reported["report_s"] == 30


@pytest.mark.parametrize("key", ["report_s", "ch.2.report_s", "of_a_newer_meter"])
def test_null_is_the_default(db, key):
    report(db, 3, **{key: 31})
    order = set_(db, {key: None})
    default = {} if key.startswith("ch.") or key not in DEFAULTS else {key: DEFAULTS[key]}
    report(db, 4, **default)
    assert states(db) == {key: "applied"}
    answer(db, order)
    report(db, 4, **{key: 31})
    known = key != "of_a_newer_meter"
    assert states(db) == {key: "differs" if known else "applied"}


def test_an_unsigned_version_beyond_all_bounds_is_not_taken(db):
    store(db, uplink("settings", {"version": 2**40}))
    assert seen(db).version == 0 and seen(db).reported == {}


def test_of_two_orders_on_their_way_the_older_one_is_ordered_again(db):
    older = set_(db, {"report_s": 30, "weekend": [5]})
    newer = set_(db, {"report_s": 40}, by="ben")
    answer(db, newer)
    answer(db, older, "outdated", version=2, reason="version 1 is past")
    again = all_sets(db)[-1]
    assert len(all_sets(db)) == 3
    assert again.args == {"version": 3, "set": {"weekend": [5]}}, "the newer value stays"
    assert states(db) == {"report_s": "applied", "weekend": "waiting"}
    assert row(db, "weekend").set_by == "anna"
    answer(db, older, "outdated", version=2)
    assert len(all_sets(db)) == 3, "a repeated answer orders nothing"
    answer(db, again)
    assert states(db) == {"report_s": "applied", "weekend": "applied"}


def test_the_older_one_all_replaced_is_not_ordered_again(db):
    older = set_(db, {"report_s": 30})
    answer(db, set_(db, {"report_s": 40}))
    answer(db, older, "outdated", version=2)
    assert len(all_sets(db)) == 2 and states(db) == {"report_s": "applied"}


def test_it_is_ordered_again_once_and_beyond_the_meters_version(db):
    answer(db, set_(db, {"report_s": 30}), "outdated", version=70)
    again = all_sets(db)[-1]
    assert again.args["version"] == 71
    answer(db, again, "outdated", version=90, reason="there is 90")
    assert len(all_sets(db)) == 2
    assert row(db, "report_s").sentence == "outdated: there is 90"
    assert answers.sentence(all_sets(db)[-1]) == (
        "m1 has newer settings (outdated: there is 90); what is still wanted of these is seen with"
        " `umeter-station settings m1`."
    )


@pytest.mark.parametrize("version", [None, "9", -1, 2**30 - 1, 2**70, True])
def test_a_senseless_version_in_an_answer_is_not_taken(db, version):
    answer(db, set_(db, {"report_s": 30}), "outdated", version=version)
    assert all_sets(db)[-1].args["version"] == 2


def test_two_orders_go_out_in_their_order(db):
    first, second = set_(db, {"report_s": 30}), set_(db, {"report_s": 40})
    published = []

    def publish(_topic, token, _qos):
        published.append(token)

    class Clock:
        def now_s(self):
            return NOW_S

    Outbox(db, Clock(), publish).step()
    assert [len(published), first.n, second.n] == [2, 1, 2]
    assert b'"version":1' in envelope.verify(KEY, published[0])


def test_who_looked_at_an_older_version_is_told(db):
    report(db, 4)
    set_(db, {"report_s": 30}, base=4, by="anna")
    with pytest.raises(Conflict) as refused:
        set_(db, {"report_s": 40}, base=4, by="ben")
    assert str(refused.value) == (
        "The settings of m1 were changed meanwhile by anna at 2027-01-15 08:00:00 (version 5);"
        " look at them again."
    )
    assert len(all_sets(db)) == 1 and seen(db).version == 5
    set_(db, {"report_s": 40}, base=5, by="ben")
    report(db, 9)
    with pytest.raises(Conflict, match=r"reported newer settings meanwhile \(version 9\)"):
        set_(db, {"report_s": 50}, base=6)


def test_of_many_at_once_one_wins_and_the_others_are_told(db):
    start = threading.Barrier(4)
    won, told = [], []

    def operator(name):
        own = databases.open_database(db.path)
        own.unlock(Safe(STATION_KEY))
        start.wait()
        try:
            won.append((name, set_(own, {"report_s": 30}, base=0, by=name)))
        except Conflict as refused:
            told.append(str(refused))
        own.close()

    threads = [threading.Thread(target=operator, args=(f"op{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and len(told) == 3
    assert all(f"by {won[0][0]} at" in words for words in told)
    assert len(all_sets(db)) == 1


@pytest.mark.parametrize("by", ["x" * 65, "a\nb"])
def test_a_name_is_short_and_printable(db, by):
    with pytest.raises(StationError):
        set_(db, {"report_s": 30}, by=by)
    assert seen(db).version == 0


@pytest.fixture
def home(tmp_path):
    return clocked_home(tmp_path)


def shown(home, *options):
    return told(home, "settings", "m1", *options)


def test_the_command_shows_each_difference_and_its_age(home, db):
    assert shown(home) == ["Nothing was set on m1 from here; what it reports is shown with --all."]
    partly = set_(db, {"report_s": 30, "weekend": [5], "max_topup_u": 2_500_000})
    keys = {"report_s": "applied", "weekend": "weekend must be other", "max_topup_u": "applied"}
    answer(db, partly, "partly", keys=keys, now_s=NOW_S - 7_200)
    report(db, 1, now_s=NOW_S - 7_100, report_s=30, max_topup_u=1_000_000)
    set_(db, {"ch.1.limit_w": 900}, by="ben", now_s=NOW_S - 90_000)
    lines = shown(home)
    assert lines[0] == "settings of m1, version 2, reported 1"
    assert "ch.1.limit_w 900 as the site waiting 1 d ben, version 2" in lines
    assert "max_topup_u 2.50 1.00 differs 1 h anna, version 1" in lines
    assert "report_s 30 30 applied 2 h anna, version 1" in lines
    assert "weekend [5] [6,7] refused: weekend must be other 2 h anna, version 1" in lines
    assert not any(line.startswith("fault_s") for line in lines)
    assert any(line.startswith("fault_s") for line in shown(home, "--all"))


def test_an_order_that_nobody_answered_in_time_says_so(home, db):
    order = set_(db, {"report_s": 30})
    with db.write() as conn:
        orders.give_up(conn, order.id)
    assert any("not answered; set it again" in line for line in shown(home))
    assert Books(home).twin("m1").waiting() == {}

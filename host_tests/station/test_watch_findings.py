"""Findings in the database, on both engines: one at a time, with a history that nobody changes."""

import pytest
import sqlalchemy as sa

from station_kit import NOW_S
from umeter_station.errors import NotFound, StationError
from umeter_station.models_people import acts
from umeter_station.models_watch import finding_history
from umeter_station.watch import findings, thresholds

ANNA = "operator:anna"
DAY_S = 86_400


def note(conn, now_s=NOW_S, rule="A08", ch=2, severity="alarm", **more):
    return findings.note(conn, rule, "m1", ch, {"seen": now_s - NOW_S}, severity, now_s, **more)


def words(conn, finding_id):
    return [entry.what for entry in findings.history(conn, finding_id)]


def test_one_of_each_place_and_rule(any_db):
    with any_db.write() as conn:
        first = note(conn, since_s=NOW_S - 50)
        assert note(conn, NOW_S + 10) == first
        assert note(conn, ch=3) != first
        assert note(conn, rule="A09") != first
        found = findings.get(conn, first)
        assert (found.since_s, found.state, found.evidence) == (NOW_S - 50, "open", {"seen": 0})
        # Kept up to date, but not written each minute.
        note(conn, NOW_S + 900)
        assert findings.get(conn, first).evidence == {"seen": 900}
        assert words(conn, first) == ["opened"]


def test_the_database_itself_allows_only_one(any_db):
    with any_db.write() as conn:
        note(conn)
    with pytest.raises(sa.exc.IntegrityError), any_db.write() as conn:
        columns = {c: sa.literal(v) for c, v in (("rule", "A08"), ("meter", "m1"), ("ch", 2))}
        more = {"severity": "info", "state": "open", "evidence": "{}"}
        times = {"since_s": 1, "opened_at": 1, "seen_at": 1}
        conn.execute(findings.findings.insert().values(**columns, **more, **times))


def test_its_life(any_db):
    with any_db.write() as conn:
        number = note(conn)
        found = findings.acknowledge(conn, number, ANNA, NOW_S + 1, "on my way", "ben")
        assert (found.state, found.assignee, found.acknowledged_at) == (
            "acknowledged",
            "ben",
            NOW_S + 1,
        )
        with pytest.raises(StationError):
            findings.acknowledge(conn, number, ANNA, NOW_S + 2)
        findings.remark(conn, number, "a wire was loose", ANNA, NOW_S + 3)
        findings.assign(conn, number, "cleo", ANNA, NOW_S + 4)
        assert findings.close(conn, number, ANNA, NOW_S + 5, "mended").state == "closed"
        with pytest.raises(StationError):
            findings.close(conn, number, ANNA, NOW_S + 6)
        assert words(conn, number) == ["opened", "acknowledged", "note", "assigned", "closed"]
        done = conn.execute(sa.select(acts.c.by, acts.c.act).order_by(acts.c.n)).all()
        assert done[0] == (ANNA, "finding.acknowledge") and done[-1] == (ANNA, "finding.close")


def test_worse_is_told_and_better_is_not(any_db):
    with any_db.write() as conn:
        number = note(conn, severity="warn")
        note(conn, NOW_S + 1, severity="critical")
        note(conn, NOW_S + 2, severity="info")
        assert findings.get(conn, number).severity == "critical"
        assert words(conn, number) == ["opened", "raised"]


def test_what_comes_back_soon_is_the_same_and_later_another(any_db):
    with any_db.write() as conn:
        number = note(conn)
        findings.over(conn, number, NOW_S + 10)
        assert note(conn, NOW_S + 3 * DAY_S) == number
        assert findings.get(conn, number).times == 2
        findings.over(conn, number, NOW_S + 3 * DAY_S + 1)
        assert note(conn, NOW_S + 7 * DAY_S) != number


def test_closed_by_hand_it_keeps_quiet_for_a_while(any_db):
    with any_db.write() as conn:
        number = note(conn)
        findings.close(conn, number, ANNA, NOW_S, quiet_s=1000)
        assert note(conn, NOW_S + 999) is None
        assert note(conn, NOW_S + 1000) == number


def test_the_history_stays_as_it_is(any_db):
    with any_db.write() as conn:
        note(conn)
    for statement in (sa.update(finding_history).values(what="x"), sa.delete(finding_history)):
        with pytest.raises(sa.exc.DatabaseError), any_db.write() as conn:
            conn.execute(statement)


def test_lists(any_db):
    with any_db.write() as conn:
        numbers = [
            note(conn, ch=ch, severity=s) for ch, s in ((1, "info"), (2, "alarm"), (3, "critical"))
        ]
        findings.explain(conn, numbers[1], numbers[2], NOW_S)
        findings.over(conn, numbers[0], NOW_S)

        def listed(**wishes):
            return [found.id for found in findings.list_(conn, **wishes)]

        assert listed() == numbers[::-1]
        assert listed(state="current") == [numbers[2], numbers[1]]
        assert listed(state="closed") == [numbers[0]]
        assert listed(severity="alarm", explained=False) == [numbers[2]]
        assert listed(explained=True) == [numbers[1]]
        assert listed(before_id=numbers[2], limit=1) == [numbers[1]]
        assert listed(meter="m2") == listed(rule="A01") == []
        assert words(conn, numbers[1]) == ["opened", "explained"]
        findings.explain(conn, numbers[1], None, NOW_S)
        assert words(conn, numbers[1])[-1] == "released"


def test_what_there_is_not(db):
    with db.write() as conn:
        with pytest.raises(NotFound):
            findings.get(conn, 7)
        with pytest.raises(ValueError):
            note(conn, severity="awful")
        number = note(conn)
        for text in ("x" * 2001, "a\0b"):
            with pytest.raises(StationError):
                findings.remark(conn, number, text, ANNA, NOW_S)
        with pytest.raises(StationError):
            findings.assign(conn, number, "a\nb", ANNA, NOW_S)


def test_thresholds(any_db):
    with any_db.write() as conn:
        thresholds.put(conn, "", 0, "stuck_w", 40, ANNA, NOW_S)
        thresholds.put(conn, "m1", 0, "stuck_w", 50, ANNA, NOW_S)
        thresholds.put(conn, "m1", 3, "stuck_w", 60, ANNA, NOW_S)
        loaded = thresholds.load(conn)
        own, others = thresholds.of_meter(loaded, "m1"), thresholds.of_meter(loaded, "m2")
        assert [own.get("stuck_w", ch) for ch in (1, 3)] == [50, 60]
        assert others.get("stuck_w", 3) == 40
        thresholds.put(conn, "m1", 3, "stuck_w", None, ANNA, NOW_S)
        assert thresholds.of_meter(thresholds.load(conn), "m1").get("stuck_w", 3) == 50


@pytest.mark.parametrize(
    ("meter", "ch", "name", "value"),
    [
        *(("", 0, "no_such", 1), ("", 0, "stuck_w", 0), ("", 0, "stuck_w", True)),
        *(("", 2, "stuck_w", 30), ("m9", 0, "stuck_w", 30), ("m1", 65, "stuck_w", 30)),
        ("", 0, "no_such", None),
    ],
)
def test_thresholds_that_cannot_be(db, meter, ch, name, value):
    with pytest.raises(StationError), db.write() as conn:
        thresholds.put(conn, meter, ch, name, value, ANNA, NOW_S)

"""Two people for one deed, and the chain of acts."""

import pytest
import sqlalchemy as sa

from station_kit import NOW_S
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.people import (
    acts,
    approvals,
    tenants,
)

BY = "operator:anna"


def _tenant(conn):
    return tenants.add(conn, "Ada Lovelace", BY, NOW_S)


@pytest.fixture
def doing(monkeypatch):
    done = []

    def refund(conn, args, by, now_s):
        if args.get("fails"):
            raise StationError("It cannot be refunded.")
        done.append((args, by))
        return {"refund_id": len(done)}

    monkeypatch.setattr(approvals, "_execute", {"refund": refund})
    return done


def test_without_the_switch_it_is_done_at_once(any_db, doing):
    with any_db.write() as conn:
        done = approvals.carry_out(conn, "refund", {"sale": 7}, BY, NOW_S)
    assert (done.approval_id, done.result, doing) == (None, {"refund_id": 1}, [({"sale": 7}, BY)])


def test_with_it_another_person_decides_and_it_is_done_once(any_db, doing):
    with any_db.write() as conn:
        approvals.switch(conn, "refund", True, "operator:owner", NOW_S)
        asked = approvals.carry_out(conn, "refund", {"sale": 7}, BY, NOW_S)
        assert asked.result is None and doing == []
    with pytest.raises(StationError, match="another person"), any_db.write() as conn:
        approvals.decide(conn, asked.approval_id, BY, True, NOW_S)
    with any_db.write() as conn:
        decided = approvals.decide(conn, asked.approval_id, "operator:olaf", True, NOW_S)
    assert (decided.state, decided.outcome) == ("executed", {"refund_id": 1})
    assert doing == [({"sale": 7}, BY)]
    with pytest.raises(Conflict), any_db.write() as conn:
        approvals.decide(conn, asked.approval_id, "operator:eve", True, NOW_S)
    with any_db.read() as conn:
        told = [(a.by, a.act) for a in acts.newest(conn, 3)]
        assert approvals.page(conn, 9, NOW_S, only_open=True) == []
    assert told[:2] == [("operator:olaf", "approval.accept"), (BY, "approval.ask")]
    assert len(doing) == 1


def test_what_is_declined_or_too_old_is_not_done(db, doing):
    with db.write() as conn:
        approvals.switch(conn, "refund", True, "operator:owner", NOW_S)
        first = approvals.ask(conn, "refund", {"sale": 1}, BY, NOW_S)
        second = approvals.ask(conn, "refund", {"sale": 2}, BY, NOW_S)
        assert approvals.decide(conn, first, "operator:olaf", False, NOW_S).state == "declined"
        late_s = NOW_S + approvals.LASTS_S
        with pytest.raises(Conflict, match="expired"):
            approvals.decide(conn, second, "operator:olaf", True, late_s)
        states = [a.state for a in approvals.page(conn, 9, late_s)]
    assert (states, doing) == (["expired", "declined"], [])


def test_what_cannot_be_done_stays_asked(any_db, doing):
    with any_db.write() as conn:
        asked = approvals.ask(conn, "refund", {"fails": True}, BY, NOW_S)
    with pytest.raises(StationError, match="cannot be refunded"), any_db.write() as conn:
        approvals.decide(conn, asked, "operator:olaf", True, NOW_S)
    with any_db.read() as conn:
        assert approvals.get(conn, asked, NOW_S).state == "asked"
    with pytest.raises(NotFound), any_db.read() as conn:
        approvals.get(conn, 99, NOW_S)


def _chain(db, count=5):
    with db.write() as conn:
        for number in range(count):
            acts.note(conn, BY, "sale", f"m1/{number}", {"amount_u": number}, NOW_S + number)


def test_acts_are_one_chain(any_db):
    _chain(any_db)
    with any_db.read() as conn:
        verdict = acts.verify(conn)
        assert (verdict.count, verdict.is_sound) == (5, True)
        assert [a.n for a in acts.newest(conn, 2)] == [5, 4]
        assert [a.n for a in acts.newest(conn, 9, before_n=3)] == [2, 1]
        assert [a.detail for a in acts.newest(conn, 9, about="m1/3")] == [{"amount_u": 3}]
        assert acts.newest(conn, 9, by="nobody") == []
    _chain(any_db, 1)
    with any_db.read() as conn:
        assert acts.verify(conn, verdict.head).is_sound
        assert not acts.verify(conn, "0" * 64).is_sound


@pytest.mark.parametrize("statement", ["UPDATE acts SET act = act", "DELETE FROM acts"])
def test_acts_cannot_be_changed(any_db, statement):
    _chain(any_db)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), any_db.write() as conn:
        conn.exec_driver_sql(statement)


# Whoever can do this has the database's file, and no trigger stops them.
@pytest.mark.parametrize(
    ("statement", "broken_n"),
    [
        ("UPDATE acts SET at = at + 1 WHERE n = 3", 3),
        ("UPDATE acts SET \"by\" = 'operator:eve' WHERE n = 1", 1),
        ("UPDATE acts SET act = 'refund' WHERE n = 5", 5),
        ("UPDATE acts SET about = 'm1/9' WHERE n = 2", 2),
        ("UPDATE acts SET detail = '{}' WHERE n = 4", 4),
        ("UPDATE acts SET n = 9 WHERE n = 5", 5),
        ("DELETE FROM acts WHERE n = 1", 1),
        ("DELETE FROM acts WHERE n = 3", 3),
        ("DELETE FROM acts WHERE n = 5", 5),
        ("UPDATE acts SET hash = (SELECT hash FROM acts WHERE n = 1) WHERE n = 3", 3),
    ],
)
def test_what_was_changed_all_the_same_is_found(db, statement, broken_n):
    _chain(db)
    with db.read() as conn:
        head = acts.verify(conn).head
    with db.write() as conn:
        for what in ("update", "delete"):
            conn.exec_driver_sql(f"DROP TRIGGER acts_no_{what}")
        conn.exec_driver_sql(statement)
        verdict = acts.verify(conn, head)
    assert (verdict.is_sound, verdict.broken_n) == (False, broken_n)


def test_an_act_stands_if_and_only_if_the_deed_does(any_db):
    with pytest.raises(NotFound), any_db.write() as conn:
        _tenant(conn)
        tenants.get(conn, 99)
    with any_db.read() as conn:
        assert acts.newest(conn, 9) == []

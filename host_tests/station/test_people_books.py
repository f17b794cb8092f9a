"""Tenants in time, what is forgotten, where meters hang, and the keys of machines."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station_kit import NOW_S, sell
from umeter_station import meters
from umeter_station.errors import NotFound, StationError
from umeter_station.models_pay import phone_calls
from umeter_station.models_people import acts as acts_table
from umeter_station.pay import pins
from umeter_station.people import (
    accounts,
    acts,
    keys,
    privacy,
    sessions,
    sites,
    tenants,
    texts,
    tries,
)

BY = "operator:anna"


def _tenant(conn, name="Ada Lovelace", **more):
    return tenants.add(conn, name, BY, NOW_S, **more)


def test_a_channel_is_one_tenants_at_a_time(any_db):
    with any_db.write() as conn:
        one, two = _tenant(conn), _tenant(conn, "Bob")
        tenants.move_in(conn, one, "m1", 3, NOW_S, BY, NOW_S)
    for from_s in (NOW_S - 10, NOW_S, NOW_S + 10):
        with pytest.raises(StationError, match="tenant 1's"), any_db.write() as conn:
            tenants.move_in(conn, two, "m1", 3, from_s, BY, NOW_S)
    with any_db.write() as conn:
        tenants.move_out(conn, "m1", 3, NOW_S + 100, BY, NOW_S)
        with pytest.raises(StationError):
            tenants.move_in(conn, two, "m1", 3, NOW_S + 99, BY, NOW_S)
        tenants.move_in(conn, two, "m1", 3, NOW_S + 100, BY, NOW_S)
        assert tenants.tenant_of(conn, "m1", 3, NOW_S - 1) is None
        assert tenants.tenant_of(conn, "m1", 3, NOW_S) == one
        assert tenants.tenant_of(conn, "m1", 3, NOW_S + 99) == one
        assert tenants.tenant_of(conn, "m1", 3, NOW_S + 100) == two
        assert tenants.channels_of(conn, one, NOW_S + 50) == {("m1", 3)}
        assert tenants.channels_of(conn, one, NOW_S + 100) == set()
        assert [t.tenant_id for t in tenants.history_of(conn, "m1", 3)] == [one, two]


def test_the_database_itself_lets_nobody_move_in_where_somebody_lives(any_db):
    with any_db.write() as conn:
        tenants.move_in(conn, _tenant(conn), "m1", 3, NOW_S, BY, NOW_S)
    statement = (
        "INSERT INTO tenancies (tenant_id, meter, ch, from_s) VALUES (1, 'm1', 3, 1800000001)"
    )
    with pytest.raises(sa.exc.IntegrityError), any_db.write() as conn:
        conn.exec_driver_sql(statement)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["in", "out"]), st.integers(1, 3), st.integers(0, 40)),
        max_size=12,
    )
)
def test_tenancies_never_overlap_whatever_is_tried(db, moves):
    class Undone(Exception):
        pass

    with pytest.raises(Undone), db.write() as conn:
        known = [_tenant(conn, f"T{n}") for n in range(3)]
        for what, number, at in moves:
            try:
                if what == "in":
                    tenants.move_in(conn, known[number - 1], "m1", 1, at, BY, NOW_S)
                else:
                    tenants.move_out(conn, "m1", 1, at, BY, NOW_S)
            except StationError:
                pass
        lived = tenants.history_of(conn, "m1", 1)
        edges = {edge for t in lived for edge in (t.from_s, t.until_s or 44)}
        for second in sorted({0, 44, *edges, *(edge - 1 for edge in edges)}):
            there = [t for t in lived if t.from_s <= second < (t.until_s or 1 << 40)]
            assert len(there) <= 1
            found = tenants.tenant_of(conn, "m1", 1, second)
            assert found == (there[0].tenant_id if there else None)
            for tenant_id in known:
                has = tenants.channels_of(conn, tenant_id, second) == {("m1", 1)}
                assert has == (found == tenant_id)
        raise Undone


def test_forgetting_a_tenant_leaves_the_books_and_no_name(any_db):
    secret = ("Grace Hopper", "grace@example.org", "+491701234567", "gracie", "pin's hash")
    with any_db.write() as conn:
        tenant_id = _tenant(conn, secret[0], email=secret[1], phone=secret[2])
        person = accounts.add(conn, secret[3], "tenant", "x", BY, NOW_S, tenant_id=tenant_id)
        sessions.start(conn, person.id, "tenant", "", "", NOW_S)
        tenants.move_in(conn, tenant_id, "m1", 3, NOW_S, BY, NOW_S)
        privacy.agree(conn, tenant_id, "alerts.email", "tenant:1", NOW_S)
        pins.store(conn, tenant_id, "pin's hash", BY, NOW_S)
        call = {"gateway": "g", "number": secret[2], "started_at": NOW_S, "ends_at": NOW_S + 60}
        conn.execute(phone_calls.insert().values(token_hash="t", tenant_id=tenant_id, **call))
        assert privacy.agrees(conn, tenant_id, "alerts.email")
    sell(any_db)
    with any_db.read() as conn:
        told = privacy.told(conn, tenant_id)
    assert (told.tenant.name, told.logins, told.purchases[0].amount_u) == (
        secret[0],
        [secret[3]],
        5_000_000,
    )
    with pytest.raises(StationError, match="move them out"), any_db.write() as conn:
        privacy.forget(conn, tenant_id, BY, NOW_S)
    with any_db.write() as conn:
        tenants.move_out(conn, "m1", 3, NOW_S + 1, BY, NOW_S)
        assert privacy.forget(conn, tenant_id, BY, NOW_S + 1)
        assert not privacy.forget(conn, tenant_id, BY, NOW_S + 1)
        everything = "".join(
            str(conn.execute(sa.select(table)).all())
            for table in acts_table.metadata.sorted_tables
        )
        assert not [text for text in secret if text in everything]
        # The books are as they were.
        told = privacy.told(conn, tenant_id)
        assert (told.tenancies[0].ch, told.purchases[0].amount_u) == (3, 5_000_000)
        assert acts.verify(conn).is_sound
    for again in (
        lambda conn: tenants.change(conn, tenant_id, {"name": "x"}, BY, NOW_S),
        lambda conn: tenants.move_in(conn, tenant_id, "m1", 4, NOW_S + 9, BY, NOW_S),
        lambda conn: accounts.enable(conn, person.id, BY, NOW_S),
        lambda conn: accounts.add(conn, "new", "tenant", "x", BY, NOW_S, tenant_id=tenant_id),
    ):
        with pytest.raises(StationError, match="forgotten"), any_db.write() as conn:
            again(conn)


def test_consent_is_given_and_withdrawn(any_db):
    with any_db.write() as conn:
        tenant_id = _tenant(conn)
        assert privacy.agree(conn, tenant_id, "alerts.sms", BY, NOW_S)
        assert not privacy.agree(conn, tenant_id, "alerts.sms", BY, NOW_S)
        assert privacy.withdraw(conn, tenant_id, "alerts.sms", BY, NOW_S + 1)
        assert not privacy.withdraw(conn, tenant_id, "alerts.sms", BY, NOW_S + 1)
        assert not privacy.agrees(conn, tenant_id, "alerts.sms")
        assert privacy.agree(conn, tenant_id, "alerts.sms", BY, NOW_S + 2)
        with pytest.raises(StationError):
            privacy.agree(conn, tenant_id, "everything", BY, NOW_S)
        given = [(c.given_at, c.withdrawn_at) for c in privacy.consents_of(conn, tenant_id)]
    assert given == [(NOW_S, NOW_S + 1), (NOW_S + 2, None)]


def test_a_meter_hangs_at_one_site(any_db):
    with any_db.write() as conn:
        north = sites.add(conn, "North", "Main St 1", BY, NOW_S)
        south = sites.add(conn, "South", "", BY, NOW_S)
        sites.put_meter(conn, north.id, "m1", BY, NOW_S)
        sites.put_meter(conn, south.id, "m1", BY, NOW_S)
        assert sites.meters_of(conn, north.id) == []
        assert sites.site_of(conn, "m1") == south.id
        sites.take_meter(conn, "m1", BY, NOW_S)
        assert sites.site_of(conn, "m1") is None
        for wrong in (
            lambda: sites.add(conn, "North", "", BY, NOW_S),
            lambda: sites.put_meter(conn, 99, "m1", BY, NOW_S),
            lambda: sites.put_meter(conn, north.id, "m9", BY, NOW_S),
            lambda: sites.take_meter(conn, "m1", BY, NOW_S),
        ):
            with pytest.raises(StationError):
                wrong()


def test_api_keys_are_good_until_they_expire_or_are_revoked(any_db):
    with any_db.write() as conn:
        key, text = keys.add(
            conn, "desk1", frozenset({"sales:write"}), BY, NOW_S, expires_at=NOW_S + 100
        )
        assert keys.find(conn, text, NOW_S + 99) == key
        assert keys.find(conn, text, NOW_S + 100) is None
        for wrong in (text[:-1], text + "x", text.upper(), "", "umk__", f"x{text}", "umk_é_é"):
            assert keys.find(conn, wrong, NOW_S) is None
        assert text.rpartition("_")[2] not in str(
            conn.exec_driver_sql("SELECT * FROM api_keys").all()
        )
        assert keys.revoke(conn, key.id, BY, NOW_S)
        assert not keys.revoke(conn, key.id, BY, NOW_S)
        assert keys.find(conn, text, NOW_S) is None


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at"),
    [
        ("k", {"own:read"}, None),
        ("k", {"people:write"}, None),
        ("k", {"everything"}, None),
        ("k", set(), None),
        ("k", {"sales:read"}, NOW_S),
        ("Nö", {"sales:read"}, None),
        ("", {"sales:read"}, None),
    ],
)
def test_keys_that_cannot_be(db, name, scopes, expires_at):
    with pytest.raises(StationError), db.write() as conn:
        keys.add(conn, name, frozenset(scopes), BY, NOW_S, expires_at)


@given(st.text(max_size=200))
def test_a_name_is_refused_or_harmless(text):
    try:
        found = texts.name(text, "A name")
    except StationError:
        return
    assert 1 <= len(found) <= 120 and found == found.strip() and texts.is_plain(found)
    assert not set(found) & set("\x00\x1b\n\r\u202e\u200b")


@given(st.text(max_size=80))
def test_a_sign_in_name_has_one_spelling(text):
    try:
        found = texts.login(text)
    except StationError:
        return
    assert texts.login(found) == texts.login(found.upper()) == found


@pytest.mark.parametrize("text", ["a@b", "Anna.B+x@mail.example.org"])
def test_addresses_that_are_some(text):
    assert texts.email(f" {text} ") == text


@pytest.mark.parametrize("text", ["a", "a@b c", "a@@b", "a@b\nBcc: x@y", "<a@b>", 'a"@b', "@b"])
def test_addresses_that_are_none(text):
    with pytest.raises(StationError):
        texts.email(text)


def test_who_tries_a_thousand_times_at_once_is_stopped_all_the_same(any_db):
    rules = {tries.of_name("anna"): tries.NAME}
    taken = 0
    for _ in range(20):
        with any_db.write() as conn:
            taken += tries.begin(conn, rules, NOW_S) == 0
    assert taken == 5


def test_a_meter_that_is_not_known_is_not_found(db):
    with db.read() as conn, pytest.raises(NotFound):
        meters.get(conn, "m9")

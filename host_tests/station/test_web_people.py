"""The pages of people, keys and approvals: who may give what, and what is shown once."""

import re

import pyotp
import pytest

from api_kit import Api, quick_passwords
from station_kit import NOW_S
from umeter_station import supply_orders
from umeter_station.people import accounts, approvals, totp
from umeter_station.web.site import create_site
from web_kit import fields, refused, send

PEOPLE, KEYS, APPROVALS = "/console/people", "/console/people/keys", "/console/approvals"


@pytest.fixture
def site(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    site = Api(tmp_path, make_app=create_site)
    yield site
    site.close()


@pytest.fixture
def anna(site):
    return site.as_("anna", follow_redirects=False)


def _secret(page):
    return re.search(r'class="secret">([^<]+)<', page)[1]


def _id(site, name):
    with site.read() as conn:
        return accounts.named(conn, name).id


def _added(site, anna, name, role="operator"):
    answer = send(anna, PEOPLE, name=name, role=role)
    assert answer.status_code == 200, answer.text
    return _id(site, name), _secret(answer.text)


def test_somebody_is_added_with_a_password_that_is_shown_once(site, anna):
    person_id, password = _added(site, anna, "nora", "cashier")
    assert site.sign_in("nora", password)[1].status_code == 201
    assert password not in anna.get(f"{PEOPLE}/{person_id}").text
    page = anna.get(PEOPLE).text
    assert "nora" in page and "tess" not in page
    refused(send(anna, PEOPLE, name="nora", role="cashier"), 400, "signs in as")
    assert send(anna, PEOPLE, name="x", role="tenant").status_code == 400


def test_a_role_changes_and_whoever_had_it_signs_in_anew(site, anna):
    person_id, password = _added(site, anna, "rolf")
    client, _ = site.sign_in("rolf", password)
    assert send(anna, f"{PEOPLE}/{person_id}/role", role="auditor").status_code == 303
    assert client.get("/v1/session").status_code == 401
    assert ">auditor<" in anna.get(f"{PEOPLE}/{person_id}").text


def test_the_last_owner_stays(site, anna):
    path = f"{PEOPLE}/{_id(site, 'anna')}"
    refused(send(anna, f"{path}/role", role="cashier"), 400, "needs an owner")
    refused(send(anna, f"{path}/disable", sure="yes"), 400, "needs an owner")


def test_somebody_is_shut_out_and_let_in_again(site, anna):
    person_id, password = _added(site, anna, "sven")
    client, _ = site.sign_in("sven", password)
    path = f"{PEOPLE}/{person_id}"
    refused(send(anna, f"{path}/disable"), 400, "Tick that it is meant")
    assert client.get("/v1/session").status_code == 200
    assert send(anna, f"{path}/disable", sure="yes").status_code == 303
    assert client.get("/v1/session").status_code == 401
    assert site.sign_in("sven", password)[1].status_code == 401
    assert "shut out" in anna.get(path).text
    assert send(anna, f"{path}/enable").status_code == 303
    assert site.sign_in("sven", password)[1].status_code == 201


def test_a_forgotten_password_gives_way_to_one_that_is_shown_once(site, anna):
    person_id, old = _added(site, anna, "vera")
    path = f"{PEOPLE}/{person_id}/password"
    refused(send(anna, path), 400, "Tick that it is meant")
    new = _secret(send(anna, path, sure="yes").text)
    assert new != old
    assert site.sign_in("vera", old)[1].status_code == 401
    assert site.sign_in("vera", new)[1].status_code == 201


def test_lost_codes_are_switched_off(site, anna):
    person_id, _ = _added(site, anna, "toni")
    with site.write() as conn:
        secret = totp.enrol(conn, person_id, "toni", NOW_S).secret
        totp.confirm(conn, person_id, pyotp.TOTP(secret).at(NOW_S), "toni", NOW_S)
    path = f"{PEOPLE}/{person_id}"
    assert "recovery codes left" in anna.get(path).text
    assert send(anna, f"{path}/codes", sure="yes").status_code == 303
    assert "recovery codes left" not in anna.get(path).text


def test_where_somebody_is_signed_in_is_seen_and_ended_by_the_owner_alone(site, anna):
    person_id, password = _added(site, anna, "sara")
    client, _ = site.sign_in("sara", password)
    path = f"{PEOPLE}/{person_id}"
    assert "testclient" in anna.get(path).text
    assert "testclient" not in site.as_("olaf").get(path).text
    assert send(anna, f"{path}/sessions").status_code == 303
    assert client.get("/v1/session").status_code == 401
    mine = f"{PEOPLE}/{_id(site, 'anna')}"
    assert send(anna, f"{mine}/sessions").status_code == 303
    assert anna.get(mine).status_code == 200


def test_tenants_sign_ins_are_not_here(site, anna):
    path = f"{PEOPLE}/{_id(site, 'tess')}"
    assert anna.get(path).status_code == 404
    for act in ("disable", "enable", "codes", "password", "sessions"):
        assert send(anna, f"{path}/{act}", sure="yes").status_code == 404
    assert send(anna, f"{path}/role", role="owner").status_code == 404
    assert site.as_("tess").get("/v1/session").status_code == 200


def test_a_key_is_shown_once_does_what_it_may_and_ends(site, anna):
    answer = send(anna, KEYS, name="meters-bot", scopes=["meters:read"])
    secret = _secret(answer.text)
    machine = site.client(headers={"Authorization": f"Bearer {secret}"})
    assert machine.get("/v1/meters").status_code == 200
    assert machine.get("/v1/people").status_code == 403
    page = anna.get(KEYS).text
    assert secret not in page and "meters-bot" in page
    path = re.search(rf"{KEYS}/(\d+)/end", page)[0]
    refused(send(anna, path), 400, "Tick that it is meant")
    assert send(anna, path, sure="yes").status_code == 303
    assert machine.get("/v1/meters").status_code == 401


def test_a_key_without_rights_or_with_a_persons_is_refused(site, anna):
    refused(send(anna, KEYS, name="b", scopes=[]), 400, "at least one scope")
    refused(send(anna, KEYS, name="b", scopes=["people:write"]), 400, "cannot have the scope")
    told = send(anna, KEYS, name="b", scopes=["meters:read"], until="2001-01-01")
    refused(told, 400, "That time is past")
    assert 'value="meters:read" checked' in told.text and 'value="b"' in told.text


def test_only_the_owner_gives(site):
    paths = (PEOPLE, KEYS, f"{PEOPLE}/1/password", f"{PEOPLE}/1/role")
    for name in ("olaf", "ada"):
        client = site.as_(name)
        assert client.get(PEOPLE).status_code == 200
        assert 'action="/console/people' not in client.get(PEOPLE).text
        for path in paths:
            assert send(client, path, sure="yes", role="owner", name="z").status_code == 403
    assert site.as_("carl").get(PEOPLE).status_code == 403


def _asked(site, by="operator:olaf", ch=3):
    with site.write() as conn:
        approvals.switch(conn, "supply", True, "operator:anna", site.clock.now_s())
        done = supply_orders.order(conn, "m1", ch, "open", by, site.clock.now_s())
    return done.approval_id


def test_what_waits_is_told_in_words_and_decided_by_another(site, anna):
    number = _asked(site)
    olaf = site.as_("olaf", follow_redirects=False)
    assert "another owner or operator has to decide" in olaf.get(APPROVALS).text
    refused(send(olaf, f"{APPROVALS}/{number}", yes="yes"), 400, "another person")
    page = anna.get(APPROVALS).text
    assert "Channel 3 of m1 is cut off" in page
    shown = fields(page, f"{APPROVALS}/{number}")
    answer = send(anna, f"{APPROVALS}/{number}", shown)
    assert answer.status_code == 303 and "agreed" in answer.headers["Location"]
    refused(send(anna, f"{APPROVALS}/{number}", yes="no"), 409, "executed already")
    assert "Nothing waits" in anna.get(APPROVALS).text


def test_what_is_refused_is_not_done(site, anna):
    number = _asked(site, ch=4)
    assert "declined" in send(anna, f"{APPROVALS}/{number}", yes="no").headers["Location"]
    with site.read() as conn:
        assert approvals.get(conn, number, NOW_S).outcome == {}


def test_a_cashier_sees_what_waits_and_decides_nothing(site):
    number = _asked(site, ch=5)
    carl = site.as_("carl")
    assert "An owner or operator decides" in carl.get(APPROVALS).text
    assert send(carl, f"{APPROVALS}/{number}", yes="yes").status_code == 403
    assert send(site.as_("ada"), f"{APPROVALS}/{number}", yes="yes").status_code == 403


def test_how_many_wait_stands_in_the_navigation(site, anna):
    _asked(site, ch=6)
    with site.read() as conn:
        number = approvals.waiting(conn, site.clock.now_s())
    page = anna.get(PEOPLE).text
    assert re.search(rf"Approvals</span>\s*<span class=\"badge warn\"[^>]*>{number}<", page)
    assert (
        "/console/approvals"
        not in re.search("<nav.*?</nav>", site.as_("carl").get("/console/desk").text, re.DOTALL)[0]
    )


def test_two_people_are_switched_on_by_the_owner_alone(site, anna):
    path = f"{APPROVALS}/switches/refund"
    assert send(site.as_("olaf"), path, on="yes").status_code == 403
    for on, is_on in (("yes", True), ("", False)):
        assert send(anna, path, on=on).status_code == 303
        with site.read() as conn:
            assert approvals.needed(conn, "refund") is is_on
    assert send(anna, f"{APPROVALS}/switches/nothing", on="yes").status_code == 400


@pytest.mark.parametrize(
    ("kind", "args", "sentence"),
    [
        ("supply", {"meter": "m1", "ch": 1, "state": "close"}, "may have supply again"),
        ("refund", {"payment_id": 7, "amount_u": 2_500_000}, "€2.50 of payment 7 go back"),
        (
            "refund",
            {"meter": "m1", "ch": 2, "amount_u": 2_000_000},
            "from the balance of channel 2",
        ),
        (
            "tariff",
            {"meter": "m1", "ch": 0, "name": "day", "version": 2, "from_s": None},
            "m1 gets tariff day, version 2, at once",
        ),
        (
            "tariff",
            {"rollout_id": 99, "meters": 3, "values": {"price_u_per_kwh": 250_000}},
            "Rollout 99 begins: price_u_per_kwh = 0.25, on 3 meters",
        ),
        ("supply", {"old": "words"}, "&#34;old&#34;: &#34;words&#34;"),
    ],
)
def test_each_kind_says_what_would_happen(site, anna, kind, args, sentence):
    with site.write() as conn:
        approvals.ask(conn, kind, args, "operator:olaf", site.clock.now_s())
    assert sentence in anna.get(APPROVALS).text

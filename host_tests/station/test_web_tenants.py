"""The pages of tenants: who they are, moving in and out, how they sign in."""

import re

import pytest
import sqlalchemy as sa

from api_kit import Api, quick_passwords
from desk_kit import answer, check, sell
from station_kit import NOW_S
from umeter_station.people import accounts, passwords, tenants
from umeter_station.web.site import create_site
from web_kit import fields, refused, send

TENANTS = "/console/tenants"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        quick_passwords(patch)
        site = Api(tmp_path_factory.mktemp("web-tenants"), make_app=create_site)
        yield site
        site.close()


@pytest.fixture
def olaf(site):
    return site.as_("olaf", follow_redirects=False)


def _added(olaf, name="Neu & Co"):
    form = {"name": name, "email": "", "phone": "", "language": "en"}
    return send(olaf, f"{TENANTS}/new", form).headers["Location"].partition("?")[0]


def _orders(site, op):
    with site.read() as conn:
        query = sa.text("SELECT args FROM commands WHERE op = :op ORDER BY id")
        return list(conn.execute(query, {"op": op}).scalars())


def test_tenants_are_found_by_name(site, olaf):
    page = olaf.get(TENANTS).text
    assert "Tenant 1" in page and "m1 / 2" in page
    part = olaf.get(TENANTS, params={"q": "enant 2"}, headers={"HX-Request": "true"}).text
    assert "Tenant 2" in part and "Tenant 1" not in part and "<html" not in part
    assert "No tenant is called that" in olaf.get(TENANTS, params={"q": "%"}).text
    with site.write() as conn:
        for n in range(60):
            tenants.add(conn, f"Many {n}", "system", NOW_S)
    first = olaf.get(TENANTS, params={"q": "many"}).text
    more = re.search(r'href="(/console/tenants\?after=[^"]*)"', first)[1].replace("&amp;", "&")
    assert "Many 59" not in first and "Many 59" in olaf.get(more).text


def test_a_tenant_is_added_and_changed(site, olaf):
    refused(send(olaf, f"{TENANTS}/new", name=" "), 400, "1 to 120 printable")
    wrong = send(olaf, f"{TENANTS}/new", name="<b>X</b>", email="no mail")
    refused(wrong, 400, "no e-mail address")
    assert 'value="&lt;b&gt;X&lt;/b&gt;"' in wrong.text
    path = _added(olaf)
    assert "Neu &amp; Co" in olaf.get(path).text and "never had a channel" in olaf.get(path).text
    form = fields(olaf.get(f"{path}/change").text, f"{path}/change")
    assert send(olaf, f"{path}/change", form, phone="+49 170 1234", language="zh").is_redirect
    assert "+491701234" in olaf.get(path).text
    refused(send(olaf, f"{path}/change", form, phone="x"), 400, "no telephone number")
    assert olaf.get(f"{TENANTS}/9999").status_code == 404


def test_moving_in_and_out_with_the_account_on_the_meter(site, olaf):
    path = _added(olaf, "Mover")
    form = fields(olaf.get(path).text, f"{path}/move-in")
    for place, sentence in (
        ("m1", "names no channel"),
        ("m1/1", "first"),
        ("m9/1", "unknown"),
        ("m1/99", "no channel 99"),
    ):
        refused(
            send(olaf, f"{path}/move-in", form, place=place),
            404 if "9" in place else 400,
            sentence,
        )
    refused(send(olaf, f"{path}/move-in", form, place="m2/3", date="soon"), 400, "is not a date")
    moved = {"place": "m2/3", "date": "2026-01-31T12:00"}
    assert send(olaf, f"{path}/move-in", form, **moved, opens="yes").is_redirect
    tenant_id = int(path.rpartition("/")[2])
    with site.read() as conn:
        tenancy = tenants.tenancies_of(conn, tenant_id)[0]
    assert _orders(site, "account") == [f'{{"ch":3,"action":"open","account":{tenancy.id}}}']
    answer(site.books.db, 1, meter="m2")
    sell(site.books.db, key="mine", meter="m2", by="operator:olaf")
    assert "/console/desk/sales/mine" in olaf.get(path).text
    out = f"{path}/move-out"
    page = olaf.get(f"{out}?meter=m2&ch=3")
    form = fields(page.text, out)
    early = send(olaf, out, form, date="2026-01-31T11:00")
    refused(early, 400, "moves out after moving in")
    refused(send(olaf, out, form, date="2099-01-01T00:00", closes="yes"), 400, "not before")
    with site.read() as conn:
        assert tenants.living_at(conn, "m2", 3) == tenant_id
    assert len(_orders(site, "account")) == 1
    assert send(olaf, out, form, closes="yes").is_redirect
    assert _orders(site, "account")[1:] == ['{"ch":3,"action":"close"}']
    refused(send(olaf, out, form, closes="yes"), 404, "does not live at that channel")
    assert olaf.get(f"{TENANTS}/1/move-out?meter=m1&ch=2").status_code == 404
    refused(send(olaf, f"{TENANTS}/1/move-out", form, ch="2", meter="m1"), 404, "does not live")
    check(site.books.db)


def test_a_start_password_is_shown_once(site, olaf):
    path = _added(olaf, "Login")
    refused(send(olaf, f"{path}/logins", login="anna"), 400, "already")
    refused(send(olaf, f"{path}/logins", login="a b"), 400, "sign-in name")
    told = send(olaf, f"{path}/logins", login="lo")
    password = re.search(r"<dd>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</dd>", told.text)[1]
    assert told.headers["Cache-Control"] == "no-store"
    assert password not in olaf.get(path).text
    with site.read() as conn:
        person = accounts.named(conn, "lo")
        assert passwords.is_right(accounts.password_hash_of(conn, person.id), password)
    again = send(olaf, f"{path}/logins/{person.id}/password")
    assert again.status_code == 200 and password not in again.text
    with site.read() as conn:
        assert not passwords.is_right(accounts.password_hash_of(conn, person.id), password)
    for switch, is_off in (("disable", True), ("disable", True), ("enable", False)):
        assert send(olaf, f"{path}/logins/{person.id}/{switch}").is_redirect
        with site.read() as conn:
            assert (accounts.named(conn, "lo").disabled_at is not None) is is_off
    assert send(olaf, f"{path}/logins/{person.id}/delete").status_code == 404


def test_nobody_is_given_a_password_through_a_tenant_who_is_not_theirs(site, olaf):
    with site.read() as conn:
        owner, tess = accounts.named(conn, "anna"), accounts.named(conn, "tess")
    for tenant_id, person in ((1, owner), (2, tess)):
        for act in ("password", "disable"):
            path = f"{TENANTS}/{tenant_id}/logins/{person.id}/{act}"
            assert send(olaf, path).status_code == 404
    with site.read() as conn:
        assert accounts.named(conn, "anna") == owner and accounts.named(conn, "tess") == tess


def test_who_may_not_write_only_reads(site):
    carl = site.as_("carl", follow_redirects=False)
    page = carl.get(f"{TENANTS}/1")
    assert (
        page.status_code == 200 and '<form method="post" action="/console/tenants' not in page.text
    )
    ways = [
        ("/new", {"name": "X"}),
        ("/1/change", {"name": "X"}),
        ("/1/move-in", {"key": "k" * 8, "place": "m2/1"}),
        ("/1/move-out", {"key": "k" * 8, "meter": "m1", "ch": "1"}),
        ("/1/logins", {"login": "x"}),
        ("/1/logins/1/password", {}),
        ("/1/logins/1/disable", {}),
    ]
    for path, form in ways:
        for name in ("carl", "ada", "tess"):
            assert send(site.as_(name), TENANTS + path, form).status_code == 403, (path, name)
        olaf = site.as_("olaf")
        del olaf.headers["X-CSRF-Token"]
        assert send(olaf, TENANTS + path, form).status_code == 403, path
    tess = site.as_("tess")
    for path in ("", "/1", "/2", "/new", "/1/change", "/1/move-out?meter=m1&ch=1"):
        assert tess.get(TENANTS + path).status_code == 403, path

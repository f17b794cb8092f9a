"""The desk's pages: finding, quoting, selling once, printing, taking back, paying out."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from api_kit import Api
from desk_kit import TARIFF, answer, balance_u, charge, check, open_shift, report_settings
from station_kit import NOW_S, reading, store, uplink
from umeter_station import ledger
from umeter_station.desk import sales, shifts
from umeter_station.models import purchases
from umeter_station.people import approvals
from umeter_station.web.site import create_site
from web_kit import FROM_US, fields, refused, send

CARL = "operator:carl"
AT = "/console/desk/at/m1/1"


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    report_settings(site.books.db, tariff=TARIFF)
    totals = {"credited_total_u": [9_000_000, 0], "charged_total_u": [2_000_000, 0]}
    store(site.books.db, uplink("reading", reading(**totals)))
    charge(site.books.db)
    open_shift(site.books.db, CARL, desk="front")
    yield site
    site.close()


@pytest.fixture
def carl(site):
    return site.as_("carl", follow_redirects=False)


def _quoted(client, paid="10", at=AT):
    page = client.get(f"{at}?paid={paid}")
    assert page.status_code == 200, page.text
    return fields(page.text, f"{at}/sales")


def _sold(site):
    with site.read() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(purchases)).scalar_one()


def _sell(client, paid="10", at=AT, **more):
    form = _quoted(client, paid, at)
    return form["key"], send(client, f"{at}/sales", form, **more)


def test_the_customer_is_found_by_meter_channel_and_name(site, carl):
    page = carl.get("/console/desk", params={"q": "m1"}).text
    assert "m1 / 1" in page and "Tenant 1" in page and "m1 / 2" in page
    assert "m2" not in page.partition("found")[2].partition("</ul>")[0]
    for text in ("m1/1", "m1 1", "tenant 1"):
        assert carl.get("/console/desk", params={"q": text}).headers["Location"] == AT
    part = carl.get("/console/desk/found", params={"q": "ten"}).text
    assert "<html" not in part and part.count("/console/desk/at/") == 2
    nobody = carl.get("/console/desk", params={"q": "<b>%_"}).text
    assert "Nobody is found" in nobody and "<b>%" not in nobody
    assert carl.get("/console/desk/at/m9/1").status_code == 404
    assert carl.get("/console/desk/at/m1/65").status_code == 400


def test_a_quote_shows_all_its_parts(carl):
    page = carl.get(f"{AT}?paid=10,00").text
    for part in ("€7.00", "€10.00", "− €0.10", "− €1.666666", "€8.233334", "rate 1 at €0.30"):
        assert part in page
    refused(carl.get(f"{AT}?paid=1.000,00"), 400, "is not an amount")
    refused(carl.get(f"{AT}?paid=1,000"), 400, "is not an amount")
    refused(carl.get(f"{AT}?paid=0"), 400, "cannot be sold")
    refused(carl.get(f"{AT}?paid=-5"), 400, "is not an amount")
    refused(carl.get(f"{AT}?paid=0.10"), 400, "nothing is left")


def test_a_sale_sent_twice_is_one_sale(site, carl):
    before = _sold(site)
    form = _quoted(carl)
    answers = [send(carl, f"{AT}/sales", form, given="20") for _ in range(3)]
    where = f"/console/desk/sales/{form['key']}?given_u=20000000"
    assert [a.headers["Location"] for a in answers] == [where] * 3
    assert _sold(site) == before + 1
    page = carl.get(where).text
    with site.read() as conn:
        receipt = f"front-{sales.by_key(conn, form['key']).receipt_no}"
    assert "Give back €10.00" in page and receipt in page and ">8.23 EUR<" in page
    # Back in the browser leads to the same address, and from there to the sale.
    back = carl.get(f"{AT}?paid=10&key={form['key']}")
    assert back.headers["Location"].startswith(f"/console/desk/sales/{form['key']}")
    found = carl.get("/console/desk", params={"q": receipt})
    assert found.headers["Location"] == f"/console/desk/sales/{form['key']}"
    other = send(carl, "/console/desk/at/m1/2/sales", form)
    refused(other, 409, "was used for another sale")
    carl.cookies.set("umeter-language", "zh")
    other = send(carl, "/console/desk/at/m1/2/sales", form)
    refused(other, 409, f"&#39;{form['key']}&#39; 已用于另一笔售电（m1 回路 1）")
    assert "没有电表 &#39;m9&#39;" in carl.get("/console/desk/at/m9/1").text
    carl.cookies.delete("umeter-language")
    assert fields(carl.get(f"{AT}?paid=10").text, f"{AT}/sales")["key"] != form["key"]
    check(site.books.db)


def test_what_is_wrong_with_a_sale_changes_nothing(site, carl):
    before = _sold(site)
    form = _quoted(carl)
    refused(send(carl, f"{AT}/sales", form, given="9.99"), 400, "less than what is to be paid")
    page = send(carl, f"{AT}/sales", form, given="<i>")
    refused(page, 400, "is not an amount")
    assert "<i>" not in page.text and fields(page.text, f"{AT}/sales")["key"] == form["key"]
    changed = {**form, "order_u": "8000000"}
    refused(send(carl, f"{AT}/sales", changed), 409, "has changed since")
    for name, bad in (("paid_u", "-1"), ("paid_u", "x"), ("paid_u", "9" * 30), ("key", "a b")):
        assert send(carl, f"{AT}/sales", form, **{name: bad}).status_code == 400
    assert send(carl, "/console/desk/at/m9/1/sales", form).status_code == 404
    assert _sold(site) == before


def test_without_an_open_shift_nothing_is_sold_and_the_way_out_is_shown(site):
    olaf = site.as_("olaf", follow_redirects=False)
    page = olaf.get(f"{AT}?paid=10").text
    assert "You have no open shift" in page and 'href="/console/shifts"' in page
    assert f'action="{AT}/sales"' not in page
    form = _quoted(site.as_("carl"))
    before = _sold(site)
    refused(send(olaf, f"{AT}/sales", form), 400, "no open shift")
    assert _sold(site) == before


def test_two_cashiers_sell_into_their_own_drawers(site, carl):
    open_shift(site.books.db, "operator:olaf", desk="side")
    olaf = site.as_("olaf", follow_redirects=False)
    (key, _), (other, _) = _sell(carl), _sell(olaf, at="/console/desk/at/m1/2")
    with site.read() as conn:
        mine, theirs = sales.by_key(conn, key), sales.by_key(conn, other)
        assert (mine.register, theirs.register) == ("front", "side")
        shift = shifts.open_of(conn, "operator:olaf")
        assert theirs.paid_from == ledger.cash(shift.id) != mine.paid_from
    void = send(carl, f"/console/desk/sales/{other}/void", given_back="yes")
    refused(void, 400, "another cashier")
    # The same form sent by the other cashier is still the first one's sale.
    form = {"key": key, "paid_u": "10000000", "order_u": "8233334"}
    assert send(olaf, f"{AT}/sales", form).status_code == 303
    with site.read() as conn:
        assert sales.by_key(conn, key).register == "front"


def test_prints_after_the_first_are_copies(site, carl):
    key, _ = _sell(carl)
    with site.read() as conn:
        sale = sales.by_key(conn, key)
    path = f"/console/desk/receipts/{sale.register}/{sale.receipt_no}/prints"
    first, second = send(carl, path, form="html"), send(carl, path, form="html")
    assert "COPY" not in first.text and "COPY 1" in second.text
    policy = first.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert re.search(r'<script src="/static/print\.js\?v=', first.text)
    file = send(carl, path, form="escpos")
    assert "attachment" in file.headers["Content-Disposition"] and b"COPY 2" in file.content
    assert "COPY 3" in carl.get(f"/console/desk/sales/{key}").text
    assert send(site.as_("ada"), path).status_code == 403


def test_the_last_sale_is_taken_back_once(site, carl):
    key, _ = _sell(carl)
    path = f"/console/desk/sales/{key}/void"
    refused(send(carl, path), 400, "Give the money back first")
    drawer_u = balance_u(site.books.db, ledger.cash(1))
    for _ in range(2):
        assert send(carl, path, given_back="yes").status_code == 303
    assert balance_u(site.books.db, ledger.cash(1)) == drawer_u + 10_000_000
    page = carl.get(f"/console/desk/sales/{key}").text
    assert "VOID" in page and f'action="{path}"' not in page
    check(site.books.db)


def test_a_held_sale_is_sent_again_or_paid_back(site, carl):
    keys = [_sell(carl)[0] for _ in range(2)]
    for key in keys:
        with site.read() as conn:
            command_id = sales.by_key(conn, key).purchase.command_id
            n = conn.execute(
                sa.text("SELECT n FROM commands WHERE id = :id"), {"id": command_id}
            ).scalar()
        answer(site.books.db, n, "too_much")
    page = carl.get("/console/desk/held").text
    assert all(key in page for key in keys) and "more than it may hold" in page
    path = f"/console/desk/sales/{keys[0]}/resend"
    form = fields(carl.get(f"/console/desk/sales/{keys[0]}").text, path)
    assert [send(carl, path, form).status_code for _ in range(2)] == [303, 303]
    path = f"/console/desk/sales/{keys[1]}/refund"
    refused(send(carl, path), 400, "by the tick")
    assert send(carl, path, sure="yes").headers["Location"].startswith(f"{AT}/back")
    page = carl.get(f"{AT}/back").text
    assert "€10.00" in page
    form = fields(page, f"{AT}/payouts") | {"amount": "4", "reason": "moved"}
    refused(send(carl, f"{AT}/payouts", form), 400, "by the tick")
    done = [send(carl, f"{AT}/payouts", form, sure="yes") for _ in range(2)]
    where = f"/console/desk/payouts/{form['key']}"
    assert all(a.headers["Location"].startswith(where) for a in done)
    assert balance_u(site.books.db, ledger.refund_due("m1", 1)) == 6_000_000
    assert "€4.00" in carl.get(where).text
    over = fields(carl.get(f"{AT}/back").text, f"{AT}/payouts") | {"amount": "6.01"}
    refused(send(carl, f"{AT}/payouts", over, sure="yes"), 400, "6.00 is due back")
    with site.write() as conn:
        approvals.switch(conn, "refund", True, "operator:anna", NOW_S)
    waits = send(carl, f"{AT}/payouts", over, amount="1", sure="yes")
    assert "second person" in carl.get(waits.headers["Location"]).text
    assert balance_u(site.books.db, ledger.refund_due("m1", 1)) == 6_000_000
    check(site.books.db)


def test_credit_is_asked_back_from_the_meter_once(site, carl):
    form = fields(carl.get(f"{AT}/back").text, f"{AT}/take-back")
    refused(send(carl, f"{AT}/take-back", form, amount="x"), 400, "is not an amount")
    for _ in range(2):
        assert send(carl, f"{AT}/take-back", form, amount="3").status_code == 303
    with site.read() as conn:
        query = sa.text("SELECT count(*) FROM commands WHERE op = 'debit'")
        assert conn.execute(query).scalar() == 1


def test_who_may_not_sell_does_not(site):
    auditor, before = site.as_("ada"), _sold(site)
    page = auditor.get(f"{AT}?paid=10")
    assert page.status_code == 200 and f'action="{AT}/sales"' not in page.text
    form = _quoted(site.as_("carl"))
    assert send(auditor, f"{AT}/sales", form).status_code == 403
    tess = site.as_("tess")
    for path in ("", "/found?q=m1", "/at/m1/1", "/sales", "/held", f"/sales/{form['key']}"):
        assert tess.get(f"/console/desk{path}").status_code == 403, path
    assert send(tess, f"{AT}/sales", form).status_code == 403
    assert send(tess, f"{AT}/payouts", key="k" * 8, amount="1", sure="yes").status_code == 403
    carl = site.as_("carl")
    assert send(carl, f"{AT}/sales", form, csrf="x").status_code == 403
    del carl.headers["X-CSRF-Token"]
    assert carl.post(f"{AT}/sales", data=form, headers=FROM_US).status_code == 403
    assert _sold(site) == before


def test_clicks_at_the_same_moment_are_one_sale(site):
    clients = [site.as_("carl", follow_redirects=False) for _ in range(4)]
    form, before = _quoted(clients[0]), _sold(site)
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda client: send(client, f"{AT}/sales", form), clients))
    assert {a.headers["Location"] for a in answers} == {
        f"/console/desk/sales/{form['key']}?given_u=10000000"
    }
    assert _sold(site) == before + 1

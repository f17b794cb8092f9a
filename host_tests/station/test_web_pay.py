"""A tenant's top-up: what it buys, paying once, and what became of it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.responses import PlainTextResponse

from api_kit import Api
from desk_kit import TARIFF, answer, charge, report_settings
from pay_kit import SECRET
from station_kit import NOW_S
from umeter_station.api.deps import CSRF_HEADER
from umeter_station.pay import payments, providers
from umeter_station.pay.provider import Unreachable
from umeter_station.pay.sandbox import Sandbox
from umeter_station.people import tenants
from umeter_station.web import live
from umeter_station.web.site import create_site

FROM_US = {"Sec-Fetch-Site": "same-origin"}
CHINESE = {"Accept-Language": "zh"}
PAY = "https://pay.example"
PLAY = {"outcome": "succeeded", "webhook": "once"}


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    site.sandbox = Sandbox(site.books.db, site.clock, SECRET, "EUR", PAY)
    providers.use(site.books.db, site.sandbox)
    yield site
    site.close()


@pytest.fixture
def tess(site):
    return site.as_("tess", follow_redirects=False)


def form_of(page):
    """The fields of the form that pays."""
    start = r'<form[^>]*method="post" action="/home/top-up"'
    form = re.search(start + ".*?</form>", page.text, re.S)[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def shown(client, amount="20", **more):
    page = client.get("/home/top-up", params={"amount": amount, **more})
    assert page.status_code == 200, page.text
    return form_of(page)


def sent(client, form, **changes):
    return client.post("/home/top-up", data={**form, **changes}, headers=FROM_US)


def made(site):
    with site.read() as conn:
        return payments.page(conn, 100)


def played(site, payment, **changes):
    path = f"/pay/sandbox/{payment.reference}"
    return site.client(follow_redirects=False).post(path, data=PLAY | changes, headers=FROM_US)


def test_what_an_amount_buys_is_shown_without_any_script(site, tess):
    report_settings(site.books.db, tariff=TARIFF)
    charge(site.books.db)
    page = tess.get("/home/top-up", params={"amount": "20,00"})
    assert "≈" in page.text and "kWh" in page.text
    for figure in ("€20.00", "-€0.10", "-€3.34", "€16.56", "How the energy is worked out"):
        assert figure in page.text
    assert "Pay €50.00" in tess.get("/home/top-up?amount=&quick=50").text
    assert made(site) == []
    fresh = tess.get("/home/top-up").text
    assert "€5.00" in fresh and 'method="post" action="/home/top-up"' not in fresh


def test_what_is_no_amount_is_told_and_stays_in_the_field(site, tess):
    charge(site.books.db)
    form = shown(tess)
    for amount, sentence in (
        ("x", "is not an amount"),
        ("0", "how much you want"),
        ("-5", "is not an amount"),
        ("1,234", "is not an amount"),
        ("0.05", "nothing is left"),
        ("9999999", "cannot be sold"),
        ("<b>", "&lt;b&gt;"),
    ):
        for page in (
            tess.get("/home/top-up", params={"amount": amount}),
            sent(tess, form, amount=amount),
        ):
            assert page.status_code == 400 and sentence in page.text
            assert 'role="alert"' in page.text and "<b>" not in page.text
    assert made(site) == []


def test_paying_leads_to_the_provider_and_the_page_allows_its_origin_alone(site, tess):
    page = tess.get("/home/top-up?amount=20")
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith(f"form-action 'self' {PAY}")
    gone = sent(tess, form_of(page))
    (payment,) = made(site)
    assert gone.status_code == 303 and gone.headers["Location"] == payment.redirect_url
    assert payment.redirect_url.startswith(PAY + "/")
    assert (payment.payer, payment.amount_u, payment.meter, payment.ch) == (
        "tenant:1",
        20_000_000,
        "m1",
        1,
    )


def test_a_double_click_is_one_payment_and_so_are_two_windows(site, tess):
    form, other = shown(tess), shown(tess)
    assert form["key"] != other["key"]
    places = {sent(tess, each).headers["Location"] for each in (form, form, other)}
    assert len(places) == 1 and len(made(site)) == 1


def test_a_key_pays_one_amount_and_no_other(site, tess):
    form = shown(tess)
    sent(tess, form)
    page = sent(tess, form, amount="30")
    assert page.status_code == 409 and "used for another payment" in page.text
    assert len(made(site)) == 1
    again = form_of(page)
    assert again["amount"] == "30" and again["key"] != form["key"]


def test_going_back_after_having_paid_shows_the_payment_and_takes_no_more(site, tess):
    form = shown(tess)
    sent(tess, form)
    played(site, made(site)[0])
    assert sent(tess, form).headers["Location"] == "/home/payments/1"
    assert "You paid €20.00" in tess.get("/home/top-up").text
    assert len(made(site)) == 1


def test_only_the_own_channels_can_be_paid_for(site, tess):
    form = shown(tess)
    for channel in ("m1.2", "m2.1", "m9.1", "x", "m1.1.1", "../m1.1"):
        page = sent(tess, form, channel=channel)
        assert page.status_code == 404 and "Choose one of your channels" in page.text
    assert made(site) == []


def test_who_has_several_channels_chooses(site, tess):
    with site.write() as conn:
        tenants.move_in(conn, 1, "m2", 3, NOW_S - 10, "system", NOW_S)
    page = tess.get("/home/top-up")
    assert '<option value="m1.1">' in page.text and '<option value="m2.3">' in page.text
    assert tess.get("/home/top-up?amount=20").status_code == 404
    sent(tess, shown(tess, channel="m2.3"))
    assert (made(site)[0].meter, made(site)[0].ch) == ("m2", 3)


def test_who_has_no_channel_and_where_one_cannot_pay_it_is_said(site, tess):
    providers.use(site.books.db)
    page = tess.get("/home/top-up")
    assert page.status_code == 200 and "One cannot pay online here" in page.text
    with site.write() as conn:
        tenants.move_out(conn, "m1", 1, NOW_S - 1, "system", NOW_S)
    assert "no meter yet" in tess.get("/home/top-up").text


def test_a_provider_that_cannot_be_reached_is_told_and_tried_again_with_the_same_key(
    site, tess, monkeypatch
):
    def away(_ask):
        raise Unreachable("The sandbox cannot be reached.")

    form = shown(tess)
    with monkeypatch.context() as patch:
        patch.setattr(site.sandbox, "create_intent", away)
        page = sent(tess, form)
    assert page.status_code == 503 and form["key"] in page.text
    assert sent(tess, form).status_code == 303 and len(made(site)) == 1


def test_staff_and_strangers_have_no_top_up_and_forms_of_others_are_refused(site, tess):
    assert site.as_("anna").get("/home/top-up").status_code == 403
    stranger = site.client(follow_redirects=False).get("/home/top-up?amount=20")
    assert stranger.headers["Location"] == "/sign-in?next=/home/top-up%3Famount%3D20"
    form = shown(tess)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert tess.post("/home/top-up", data=form, headers=foreign).status_code == 403
    assert sent(tess, form, csrf="x").status_code == 403
    assert made(site) == []


def test_the_page_of_a_payment_tells_each_step(site, tess):
    sent(tess, shown(tess))
    page = tess.get("/home/payments/1")
    assert "Waiting for your payment" in page.text and PAY in page.text
    assert 'data-live="/live/payments/1"' in page.text
    played(site, made(site)[0])
    page = tess.get("/home/payments/1").text
    assert "On its way" in page and "(not yet)" in page and "/receipt" in page
    answer(site.books.db, 1)
    page = tess.get("/home/payments/1").text
    assert "The meter has the credit." in page and "(not yet)" not in page
    assert "data-live" not in page
    receipt = tess.get("/home/payments/1/receipt")
    assert "PAID ONLINE" in receipt.text and "20.00" in receipt.text
    assert "Cashier" not in receipt.text and '<html lang="en">' in receipt.text


def test_a_receipt_is_in_the_language_of_the_pages(site, tess):
    sent(tess, shown(tess))
    played(site, made(site)[0])
    answer(site.books.db, 1)
    paths = ["/home/payments/1/receipt", "/home/purchases/web/1"]
    for path in paths:
        page = tess.get(path, headers=CHINESE).text
        assert '<html lang="zh">' in page and "电表已入账。" in page and "m1 回路 1" in page
        assert not re.search(r"<span>[A-Z][a-z]+", page)
    carl = site.as_("carl")
    sold = made(site)[0].sale_key
    page = carl.get(f"/console/desk/sales/{sold}", headers=CHINESE).text
    assert "· 网上付款" in page and "购电号" in page and "Cashier" not in page
    prints = "/console/desk/receipts/web/1/prints"
    printed = carl.post(prints, data={"form": "escpos"}, headers=FROM_US | CHINESE).content
    assert b"Purchase" in printed and b"Credited by the meter." in printed
    printed = carl.post(prints, data={"form": "html"}, headers=FROM_US | CHINESE).text
    assert "副本 COPY 1" in printed


def test_a_payment_that_came_to_nothing_says_so(site, tess):
    for number, outcome, sentence in ((1, "failed", "did not work"), (2, "expired", "has lapsed")):
        sent(tess, shown(tess))
        played(site, made(site)[-1], outcome=outcome)
        assert sentence in tess.get(f"/home/payments/{number}").text
        assert tess.get(f"/home/payments/{number}/receipt").status_code == 404


def test_a_payment_that_is_too_late_leads_to_no_provider(site, tess):
    form = shown(tess)
    sent(tess, form)
    site.clock.unix_s += payments.LIFETIME_S
    page = tess.get("/home/payments/1")
    assert "has lapsed" in page.text and PAY not in page.text
    assert sent(tess, form).headers["Location"] == "/home/payments/1"


def test_money_that_cannot_be_sold_is_looked_after(site, tess):
    sent(tess, shown(tess))
    with site.write() as conn:
        conn.exec_driver_sql("UPDATE meters SET retired_at = 1 WHERE meter = 'm1'")
        conn.exec_driver_sql("UPDATE payments SET ch = 60")
        conn.exec_driver_sql("UPDATE meters SET channels = 2 WHERE meter = 'm1'")
    played(site, made(site)[0])
    assert "Your money is safe with us" in tess.get("/home/payments/1").text


def test_anothers_payment_does_not_exist(site, tess):
    sent(tess, shown(tess))
    played(site, made(site)[0])
    paths = ["/home/payments/1", "/home/payments/1/receipt", "/live/payments/1"]
    ulla = site.as_("ulla")
    for path in paths:
        theirs, none = ulla.get(path), ulla.get(path.replace("1", "99"))
        assert theirs.status_code == none.status_code == 404
        assert theirs.text.replace(path, "") == none.text.replace(path.replace("1", "99"), "")
    assert site.as_("anna").get(paths[0]).status_code == 403
    for path in ("/home/payments/0", "/home/payments/x", f"/home/payments/{1 << 60}"):
        assert tess.get(path).status_code in (400, 404)


def test_the_sandboxs_page_is_one_of_the_site_and_leads_back(site, tess):
    sent(tess, shown(tess))
    reference = made(site)[0].reference
    client = site.client(follow_redirects=False)
    old = client.get(f"/v1/hooks/sandbox/pay/{reference}")
    assert old.headers["Location"] == f"/pay/sandbox/{reference}"
    page = client.get(f"/pay/sandbox/{reference}")
    assert "€20.00" in page.text and 'href="/home/payments/1"' in page.text
    assert played(site, made(site)[0], webhook="twice").status_code == 303
    assert made(site)[0].outcome == "sale" and "Paid" in client.get(page.url.path).text
    assert client.get(f"/pay/sandbox/sb_{'0' * 24}").status_code == 404
    foreign = client.post(page.url.path, data=PLAY, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    providers.use(site.books.db)
    assert client.get(f"/pay/sandbox/{reference}").status_code == 404


def test_many_clicks_at_the_same_moment_are_one_payment(site, tess):
    form, other = shown(tess), shown(tess)
    clients = [site.as_("tess", follow_redirects=False) for _ in range(4)]
    jobs = [(client, each) for client in clients for each in (form, other)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        # A form is of one session; what is tried here is the key.
        sending = [
            pool.submit(sent, client, each, csrf=client.headers[CSRF_HEADER])
            for client, each in jobs
        ]
        places = {each.result().headers["Location"] for each in sending}
    assert len(places) == 1 and len(made(site)) == 1


def test_what_is_live_is_the_same_part_anew(site, tess, monkeypatch):
    def once(_request, part):
        return PlainTextResponse(part())

    monkeypatch.setattr(live, "stream", once)
    sent(tess, shown(tess))
    assert "Waiting for your payment" in tess.get("/live/payments/1").text
    played(site, made(site)[0])
    part = tess.get("/live/payments/1").text
    assert "On its way" in part and "<html" not in part
    assert part.strip() in tess.get("/home/payments/1").text

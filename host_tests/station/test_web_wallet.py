"""A tenant's wallet on the pages, and what to write on a bank transfer."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from api_kit import Api
from desk_kit import TARIFF, answer, report_settings
from station_kit import NOW_S
from umeter_station import ledger
from umeter_station.desk import sales
from umeter_station.errors import StationError
from umeter_station.pay import providers, references, wallets
from umeter_station.people import acts, approvals, privacy, tenants
from umeter_station.web.site import create_site
from web_kit import FROM_US, fields, send

PATH = "/home/top-up/wallet"


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    providers.use(site.books.db)
    report_settings(site.books.db, tariff=TARIFF)
    yield site
    site.close()


@pytest.fixture
def tess(site):
    return site.as_("tess", follow_redirects=False)


def _put_in(site, amount_u, key="in"):
    with site.write() as conn:
        into = {"debit": ledger.bank("main"), "credit": ledger.wallet(1)}
        ledger.post(conn, key=key, amount_u=amount_u, created_at=1, **into)


def _held_u(site):
    with site.read() as conn:
        return wallets.balance_u(conn, 1)


def _bought(site):
    with site.read() as conn:
        return [each for each in sales.page(conn, 100) if each.paid_from == ledger.wallet(1)]


def _page(client, amount="20"):
    return client.get("/home/top-up", params={"amount": amount}).text


def _form(client):
    return fields(_page(client), PATH)


def _sent(client, form, **changes):
    return send(client, PATH, form, **changes)


def test_money_in_the_wallet_is_seen_and_buys_at_once(site, tess):
    assert "wallet" not in tess.get("/home").text and PATH not in _page(tess)
    _put_in(site, 50_000_000)
    assert "In your wallet: €50.00" in tess.get("/home").text
    gone = _sent(tess, _form(tess))
    assert gone.status_code == 303 and gone.headers["Location"] == "/home?said=bought"
    (sale,) = _bought(site)
    assert (sale.quote.paid_u, sale.way, sale.by) == (20_000_000, "web", "tenant:1")
    assert (sale.quote.meter, sale.quote.ch, _held_u(site)) == ("m1", 1, 30_000_000)
    page = tess.get("/home?said=bought").text
    assert "In your wallet: €30.00" in page and "Bought. The meter gets" in page
    answer(site.books.db, 1)
    receipt = tess.get(f"/home/purchases/web/{sale.receipt_no}").text
    assert "20.00 EUR" in receipt and "Credited by the meter." in receipt


def test_the_same_form_buys_once_whenever_it_is_sent(site, tess):
    _put_in(site, 50_000_000)
    form = _form(tess)
    clients = [site.as_("tess", follow_redirects=False) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(_sent, c, form) for c in clients]
        assert {job.result().status_code for job in jobs} == {303}
    assert _sent(tess, form).status_code == 303
    assert len(_bought(site)) == 1 and _held_u(site) == 30_000_000
    page = _sent(tess, form, amount="30")
    assert page.status_code == 409 and _held_u(site) == 30_000_000


def test_a_second_window_is_told_that_the_wallet_has_changed(site, tess):
    _put_in(site, 50_000_000)
    form, other = _form(tess), _form(tess)
    _sent(tess, form)
    page = _sent(tess, other)
    assert page.status_code == 409 and "holds another amount by now" in page.text
    assert "In your wallet: €30.00" in page.text and len(_bought(site)) == 1
    assert _sent(tess, _form(tess)).status_code == 303 and _held_u(site) == 10_000_000


def test_more_than_it_holds_is_not_offered_and_not_sold(site, tess):
    _put_in(site, 20_000_000)
    form = _form(tess)
    assert PATH not in _page(tess, "20.01")
    page = _sent(tess, form, amount="20.01")
    assert page.status_code == 400 and "The wallet holds 20.00" in page.text
    with site.write() as conn:
        conn.exec_driver_sql("UPDATE meters SET retired_at = 1 WHERE meter = 'm1'")
    assert _sent(tess, form).status_code != 303
    assert _bought(site) == [] and _held_u(site) == 20_000_000


def test_another_households_wallet_and_channel_are_out_of_reach(site, tess):
    _put_in(site, 50_000_000)
    form = _form(tess)
    for channel in ("m1.2", "m2.1", "x"):
        assert _sent(tess, form, channel=channel).status_code == 404
    for held in ("-1", "x", "", str(1 << 60)):
        assert _sent(tess, form, held=held).status_code in (400, 422)
    ulla = site.as_("ulla", follow_redirects=False)
    theirs = dict(form, channel="m1.2")
    assert _sent(ulla, theirs).status_code == 409  # hers is empty
    assert _sent(ulla, theirs, held="0").status_code == 400
    assert "wallet" not in ulla.get("/home").text
    assert site.as_("anna").post(PATH, data=form, headers=FROM_US).status_code == 403
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert tess.post(PATH, data=form, headers=foreign).status_code == 403
    assert _sent(tess, form, csrf="x").status_code == 403
    assert _bought(site) == [] and _held_u(site) == 50_000_000


def test_what_to_write_on_a_transfer_is_shown_where_a_bank_is_known(site, tess):
    assert "bank transfer</summary>" not in tess.get("/home/top-up").text
    banks = site.books.config.home / "banks"
    banks.mkdir()
    (banks / "main.toml").write_text('format = "camt"\niban = "DE02120300000000202051"\n')
    (banks / "odd.toml").write_text("format = 5")
    page = tess.get("/home/top-up").text
    assert page == tess.get("/home/top-up").text  # one reference for ever
    assert "DE02 1203 0000 0000 2020 51" in page
    (reference,) = re.findall(r">(RF[0-9 ]+)<", page)
    with site.read() as conn:
        target = references.find(conn, reference)
    assert (target.meter, target.ch) == ("m1", 1)


def test_what_the_meter_did_not_take_is_in_the_wallet_again(site, tess):
    _put_in(site, 50_000_000)
    _sent(tess, _form(tess))
    (sale,) = _bought(site)
    with site.write() as conn:
        tenants.move_out(conn, "m1", 1, NOW_S - 1, "system", NOW_S)
        wallets.pay_out(
            conn,
            tenant_id=1,
            amount_u=30_000_000,
            bank="main",
            reason="",
            key="all",
            by="system",
            now_s=NOW_S,
        )
        with pytest.raises(StationError, match="not on its meter yet"):
            privacy.forget(conn, 1, "system", NOW_S)
    answer(site.books.db, 1, "not_now")
    anna = site.as_("anna", follow_redirects=False)
    page = f"/console/desk/sales/{sale.purchase.key}"
    assert "€20.00 goes back into the wallet" in anna.get(page).text
    gone = send(anna, f"{page}/refund", {"sure": "yes"})
    assert gone.headers["Location"].startswith(page) and _held_u(site) == 20_000_000
    text = anna.get(page).text
    assert "Back in the wallet" in text and "Pay it out" not in text
    assert "Nothing is due back just now." in anna.get("/console/desk/at/m1/1/back").text


def test_a_household_reads_that_its_money_is_back(site, tess):
    _put_in(site, 50_000_000)
    _sent(tess, _form(tess))
    answer(site.books.db, 1, "range")
    assert "The money is back in your wallet." in tess.get("/home/purchases").text
    assert "In your wallet: €50.00" in tess.get("/home").text


OUT = {"key": "out-12345678", "amount": "30", "bank": "main", "reason": "moved out", "sure": "yes"}


def _paid_out(client, **changes):
    return send(client, "/console/tenants/1/wallet/pay-out", OUT, **changes)


def test_what_is_left_can_be_given_back_once_and_is_not_forgotten_before(site, tess):
    _put_in(site, 50_000_000)
    anna = site.as_("anna", follow_redirects=False)
    page = anna.get("/console/tenants/1").text
    assert "In the wallet: €50.00" in page and 'value="50.00"' in page
    assert "€50.00" in anna.get("/console/tenants/1/move-out?meter=m1&ch=1").text
    for changes, sentence in (
        ({"sure": ""}, "Say by the tick"),
        ({"bank": ""}, "Name the bank account"),
        ({"amount": "50.01"}, "The wallet holds 50.00"),
        ({"amount": "0"}, "cannot be sold"),
    ):
        refused = _paid_out(anna, **changes)
        assert refused.status_code == 400 and sentence in refused.text
    assert _held_u(site) == 50_000_000
    for _ in range(2):
        assert _paid_out(anna).headers["Location"] == "/console/tenants/1?said=done"
    assert _held_u(site) == 20_000_000
    assert _paid_out(anna, amount="20").status_code == 409  # that key paid out another amount
    with site.write() as conn:
        tenants.move_out(conn, "m1", 1, NOW_S - 1, "system", NOW_S)
        with pytest.raises(StationError, match="money in that tenant's wallet"):
            privacy.forget(conn, 1, "system", NOW_S)
        noted = [act for act in acts.newest(conn, 50) if act.act == "wallet.pay_out"]
    assert [act.detail["amount_u"] for act in noted] == [30_000_000]
    _paid_out(anna, amount="20", key="out-87654321")
    with site.write() as conn:
        assert privacy.forget(conn, 1, "system", NOW_S)


def test_programs_look_into_a_wallet_and_give_back_as_the_pages_do(site, tess):
    _put_in(site, 50_000_000)
    anna, wallet = site.as_("anna"), "/v1/tenants/1/wallet"
    assert anna.get(wallet).json() == tess.get("/v1/own/wallet").json()
    assert anna.get("/v1/tenants/99/wallet").status_code == 404
    body, key = {"amount_u": 30_000_000, "bank": "main"}, {"Idempotency-Key": "out"}
    for _ in range(2):
        done = anna.post(f"{wallet}/pay-out", json=body, headers=key)
        assert (done.status_code, done.json()["balance_u"]) == (201, 20_000_000)
    other = {**body, "amount_u": 1}
    assert anna.post(f"{wallet}/pay-out", json=other, headers=key).status_code == 409
    more = anna.post(f"{wallet}/pay-out", json=body, headers={"Idempotency-Key": "more"})
    assert more.status_code == 400 and "The wallet holds 20.00" in more.text
    for name in ("ada", "tess"):
        assert site.as_(name).post(f"{wallet}/pay-out", json=body, headers=key).status_code == 403
    with site.write() as conn:
        approvals.switch(conn, "refund", True, "operator:anna", NOW_S)
    waits = anna.post(f"{wallet}/pay-out", json=other, headers={"Idempotency-Key": "two"})
    assert waits.status_code == 202 and waits.json()["approval_id"] == 1
    assert _held_u(site) == 20_000_000


def test_giving_back_may_take_two_people_and_is_not_for_tenants(site):
    _put_in(site, 50_000_000)
    with site.write() as conn:
        approvals.switch(conn, "refund", True, "operator:anna", NOW_S)
    anna = site.as_("anna", follow_redirects=False)
    for _ in range(2):
        assert _paid_out(anna).headers["Location"].endswith("said=second-person")
    assert _held_u(site) == 50_000_000
    olaf = site.as_("olaf", follow_redirects=False)
    asked = olaf.get("/console/approvals").text
    assert "€30.00 are paid out from the wallet of tenant 1." in asked
    (number,) = set(re.findall(r"/console/approvals/(\d+)", asked))
    for _ in range(2):
        olaf.post(f"/console/approvals/{number}", data={"yes": "yes"}, headers=FROM_US)
    assert _held_u(site) == 20_000_000
    assert _paid_out(site.as_("tess"), key="out-00000000").status_code == 403

"""Paying at the box without a sign-in: nobody learns which meters there are, nor of anybody."""

import logging
import re
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from api_kit import OTHERS_TOLD, PASSWORD, Api
from desk_kit import TARIFF, charge, report_settings
from pay_kit import SECRET
from station_kit import NOW_S
from umeter_station.pay import back_pages, box_numbers, payments, providers
from umeter_station.pay.sandbox import Sandbox
from umeter_station.people import tries
from umeter_station.web.pay import at_the_box
from umeter_station.web.site import create_site

FROM_US = {"Sec-Fetch-Site": "same-origin"}
KEY = "a-key-of-this-form"


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    site.sandbox = Sandbox(site.books.db, site.clock, SECRET, "EUR", "https://pay.example")
    providers.use(site.books.db, site.sandbox)
    yield site
    site.close()


@pytest.fixture
def number(site):
    with site.write() as conn:
        return box_numbers.of_channel(conn, "m1", 1, NOW_S)


def checked(body):
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def sent(site, number, step="pay", client=None, **changes):
    client = client or site.client(follow_redirects=False)
    form = {"number": number, "amount": "20", "key": KEY, "step": step, **changes}
    return client.post("/pay", data=form, headers=FROM_US)


def made(site):
    with site.read() as conn:
        return payments.page(conn, 100)


@contextmanager
def counted(site):
    """Every statement that the database is asked."""
    asked = []

    def before(_conn, _cursor, statement, *_):
        asked.append(statement)

    event.listen(site.books.db.engine, "before_cursor_execute", before)
    try:
        yield asked
    finally:
        event.remove(site.books.db.engine, "before_cursor_execute", before)


def test_whoever_knows_the_number_pays_and_returns_to_an_own_page(site, number):
    client = site.client(follow_redirects=False)
    page = client.get(f"/pay/{number}")
    assert page.status_code == 200 and box_numbers.spaced(number) in page.text
    assert "€20.00" in sent(site, number, "show").text
    gone = sent(site, box_numbers.spaced(number))
    (payment,) = made(site)
    assert gone.headers["Location"] == payment.redirect_url
    assert (payment.payer, payment.meter, payment.ch) == ("public", "m1", 1)
    sandbox = client.get(f"/pay/sandbox/{payment.reference}").text
    back = re.search(r'href="(/pay/payments/1-[0-9a-f]{32})"', sandbox)[1]
    assert "Waiting for your payment" in client.get(back).text
    played = {"outcome": "succeeded"}
    client.post(f"/pay/sandbox/{payment.reference}", data=played, headers=FROM_US)
    assert "On its way" in client.get(back).text
    assert "PAID ONLINE" in client.get(f"{back}/receipt").text
    assert sent(site, number).headers["Location"] == back, "the same form again is no second one"


def test_a_known_and_an_unknown_number_are_answered_alike(site, number):
    """The same status, the same page to the letter and the same statements, at both steps."""
    with site.write() as conn:
        conn.exec_driver_sql("DELETE FROM sign_in_tries")
    wrong_code = checked(f"{number[:8]}{'1' * 10}")
    no_channel = checked(f"{'7' * 8}{'1' * 10}")
    for step, status in (("show", 200), ("pay", 404)):
        seen = []
        for each in (wrong_code, no_channel):
            with counted(site) as asked:
                answer = sent(site, each, step)
            text = answer.text.replace(box_numbers.spaced(each), "").replace(each, "")
            seen.append((answer.status_code, text, list(asked), _headers(answer)))
        assert seen[0] == seen[1] and seen[0][0] == status
    with counted(site) as asked:
        right = sent(site, number, "show")
    text = right.text.replace(box_numbers.spaced(number), "").replace(number, "")
    wrong = sent(site, no_channel, "show").text.replace(box_numbers.spaced(no_channel), "")
    assert text == wrong.replace(no_channel, ""), "what is right is not told before it is paid"
    assert not any("payment_references" in each or "meters" in each for each in asked)
    assert made(site) == []


def _headers(answer):
    return {k: v for k, v in answer.headers.items() if k != "x-request-id"}


def test_a_meter_that_is_gone_gets_the_sentence_of_a_number_that_never_was(site, number):
    unknown = sent(site, checked(f"{'7' * 8}{'1' * 10}"))
    with site.write() as conn:
        conn.exec_driver_sql("UPDATE meters SET retired_at = 1 WHERE meter = 'm1'")
    gone = sent(site, number)
    assert gone.status_code == unknown.status_code == 404
    sentence = r'role="alert"[^>]*>([^<]*)'
    assert re.search(sentence, gone.text)[1] == re.search(sentence, unknown.text)[1]
    assert made(site) == []


def test_what_is_no_number_of_a_box_is_found_without_counting_a_try(site):
    for typed in ("", "1", "x" * 20, "1" * 20, "<script>", "0" * 60):
        page = sent(site, typed)
        assert page.status_code == 400 and "twenty digits" in page.text
        assert "<script>" not in page.text
    with site.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM sign_in_tries").scalar() == 0


def test_wrong_numbers_make_an_address_wait_and_right_ones_do_not(site, number):
    wrong = checked(f"{number[:8]}{'1' * 10}")
    free = tries.ADDRESS[0]
    for at in range(free):
        assert sent(site, wrong).status_code == 404
        assert sent(site, number, key=f"right-key-{at}").status_code == 303
    assert sent(site, wrong).status_code == 404
    before = len(made(site))
    page = sent(site, number, key="another-key")
    assert page.status_code == 429 and int(page.headers["Retry-After"]) > 0
    assert "Too many tries" in page.text and len(made(site)) == before
    assert sent(site, wrong, "show").status_code == 200, "what tells nothing needs no waiting"


def test_all_addresses_together_have_so_many_tries(site, number):
    at_once = at_the_box.IN_WHOLE[1]
    for _ in range(at_once):
        assert site.app.state.per_box_number.take("all") == 0
    assert sent(site, number).status_code == 429 and made(site) == []
    site.monotonic_s += 1
    assert sent(site, number).status_code == 303


def test_a_stranger_is_slowed_down_like_everywhere(tmp_path):
    site = Api(tmp_path, make_app=create_site, per_stranger=(0.001, 3))
    codes = [sent(site, "1").status_code for _ in range(5)]
    site.close()
    assert codes == [400, 400, 400, 429, 429]


def test_a_key_pays_one_amount_and_forms_of_others_are_refused(site, number):
    sent(site, number)
    page = sent(site, number, amount="30")
    assert page.status_code == 409 and KEY not in page.text and len(made(site)) == 1
    form = {"number": number, "amount": "20", "key": "another-key", "step": "pay"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert site.client().post("/pay", data=form, headers=headers).status_code == 403
    assert len(made(site)) == 1


def test_the_page_and_the_receipt_tell_nothing_of_the_household(site, number):
    """Neither what it has, owes or uses, nor who lives there."""
    site.live_in()
    report_settings(site.books.db, tariff=TARIFF)
    charge(site.books.db)
    with site.write() as conn:
        tess = box_numbers.of_channel(conn, "m1", 2, NOW_S)
    client = site.client(follow_redirects=False)
    texts = [sent(site, tess, "show").text]
    sent(site, tess)
    payment = made(site)[-1]
    played = {"outcome": "succeeded"}
    client.post(f"/pay/sandbox/{payment.reference}", data=played, headers=FROM_US)
    with site.read() as conn:
        back = back_pages.path(conn, payment.id, payment.payer, payment.way)
    receipt = client.get(f"{back}/receipt").text
    texts += [client.get(back).text, receipt]
    for text in texts:
        assert not [told for told in ("kWh", *OTHERS_TOLD) if told in text]
        assert not re.search(r"Tenant|ulla|[Bb]alance|debt|owe", text)
    assert "20.00" in receipt


def test_a_page_of_a_payment_opens_to_nobody_who_guesses(site, number):
    sent(site, number)
    site.live_in()
    client = site.client()
    with site.read() as conn:
        right = back_pages.reference(conn, 1)
        tenants_own = back_pages.reference(conn, 2)
    assert client.get(f"/pay/payments/{right}").status_code == 200
    mac = right.partition("-")[2]
    guesses = [f"1-{'0' * 32}", f"2-{mac}", f"1-{mac[::-1]}", tenants_own]
    for guess in guesses:
        for path in (f"/pay/payments/{guess}", f"/pay/payments/{guess}/receipt"):
            assert client.get(path).status_code == 404
    for path in ("/pay/payments/1", "/pay/payments/", f"/pay/payments/{right}x"):
        assert client.get(path).status_code in (400, 404)


def test_no_secret_is_in_the_log(site, number, caplog):
    caplog.set_level(logging.DEBUG)
    client = site.client(follow_redirects=False)
    client.get(f"/pay/{number}")
    sent(site, number, client=client)
    payment = made(site)[0]
    with site.read() as conn:
        reference = back_pages.reference(conn, payment.id)
    client.get(f"/pay/payments/{reference}")
    client.get(f"/pay/sandbox/{payment.reference}")
    signed = {"name": "anna", "password": "wrong " + PASSWORD}
    client.post("/sign-in", data=signed, headers=FROM_US)
    ours = [each for each in caplog.records if each.name.startswith("umeter")]
    told = " ".join(f"{each.getMessage()} {vars(each)}" for each in ours)
    assert "/pay/{number}" in told and "/pay/payments/{reference}" in told
    for secret in (number, KEY, reference, payment.reference, PASSWORD):
        assert secret not in told


def test_the_label_is_for_who_may_see_meters_and_leads_to_the_page(site, number):
    for name, status in (("anna", 200), ("carl", 200), ("ada", 200), ("tess", 403)):
        assert site.as_(name).get("/console/meters/m1/1/label").status_code == status
    page = site.as_("anna").get("/console/meters/m1/1/label")
    assert box_numbers.spaced(number) in page.text and "<svg" in page.text
    assert not re.search(r"<script(?![^>]* src=)|<style|\bstyle=|\bon[a-z]+=", page.text)
    assert "http://127.0.0.1:8080/pay<" in page.text, "where people reach it by config.toml"
    assert "在此缴纳电费" in page.text and "Pay for electricity here" in page.text
    page = site.as_("anna").get("/console/meters/m1/1/label?lang=zh")
    assert "Pay for electricity here" not in page.text
    assert site.as_("anna").get("/console/meters/m9/1/label").status_code == 404
    assert site.as_("anna").get("/console/meters/m1/99/label").status_code in (400, 404)

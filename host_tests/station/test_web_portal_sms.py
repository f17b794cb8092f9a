"""Warnings of a low credit by SMS: what the gateway gets, and what is tried again."""

import json
import threading
from dataclasses import replace
from datetime import UTC

import pytest
import sqlalchemy as sa

from alert_kit import http_server, smtp_server
from station_kit import NOW_S
from umeter_station.config_keys import Mail, Secret, Sms
from umeter_station.errors import StationError
from umeter_station.models import meters
from umeter_station.models_people import acts
from umeter_station.ops import joblist
from umeter_station.ops.jobs import Runner
from umeter_station.pay import signature
from umeter_station.pay.provider import Forged
from umeter_station.people import privacy, tenants
from umeter_station.web import language
from umeter_station.web.portal import warning_mail, warning_sms, warning_words
from umeter_station.web.portal.warning_notices import Notice
from warning_kit import happen, open_households

SECRET = "the gateway knows it, too"
NOWHERE = "http://127.0.0.1:9/sms"
WAYS = ["warnings", "sms"]  # the jobs


@pytest.fixture
def books(tmp_path):
    books = open_households(tmp_path)
    yield books
    books.close()


def use(books, url, **more):
    books.config = replace(books.config, sms=Sms(**{"url": url, "secret": Secret(SECRET)} | more))


def told(came):
    return [json.loads(body) for _, body in came]


def test_a_warning_is_told_once_in_the_households_language(books):
    happen(books, 1, 1)
    happen(books, 2, 2, "credit.out", -10)
    happen(books, 3, 3)
    happen(books, 4, 1, "contact.open", 2)
    with http_server() as (url, came):
        use(books, url)
        for _ in range(3):
            warning_sms.send_due(books)
    assert sorted(told(came), key=lambda sms: sms["id"]) == [
        {
            "id": "warning.m1.1",
            "to": "+491700000001",
            "text": "Electricity credit low: €2.99 left on channel 1 of meter m1, top up in good"
            " time.",
        },
        {
            "id": "warning.m1.2",
            "to": "+491700000002",
            "text": "电表 m1 回路 2 的电费余额已用完（余额 -€0.01），请充值，到账后就会来电。",
        },
    ]


def test_it_is_signed_as_other_webhooks_are(books):
    happen(books, 1, 1)
    with http_server() as (url, came):
        use(books, url)
        warning_sms.send_due(books)
    ((headers, body),) = came
    assert headers["Content-Type"] == "application/json"
    signature.verify(SECRET.encode(), body, headers["Umeter-Signature"], NOW_S)
    with pytest.raises(Forged):
        signature.verify(SECRET.encode(), body + b" ", headers["Umeter-Signature"], NOW_S)


def test_one_household_is_told_in_the_order_of_what_happened(books):
    for n, code in enumerate(("credit.low", "credit.low2", "credit.out", "budget.out"), 1):
        happen(books, n, 1, code, at_s=NOW_S + n)
    with http_server() as (url, came):
        use(books, url)
        books.clock.unix_s += 10
        warning_sms.send_due(books)
    assert [sms["id"] for sms in told(came)] == [f"warning.m1.{n}" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("code", ["credit.low", "credit.low2", "credit.out", "budget.out"])
@pytest.mark.parametrize("is_kwh", [False, True])
def test_the_longest_sentence_fits_into_one_sms(code, is_kwh):
    notice = Notice(None, "m" * 32, 8, 1, code, -1_000_000_000_000, is_kwh)
    text = warning_words.sms(notice)
    # The euro sign is in an SMS's alphabet, and counts twice.
    assert len(text) + text.count("€") <= 160 and text.replace("€", "E").isascii()
    assert "m" * 32 in text and "1,000,000.00" in text and "channel 8" in text


def test_amounts_in_kwh_and_blanks_that_do_not_break(books, tmp_path):
    (tmp_path / "languages").mkdir()
    (tmp_path / "languages" / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Electricity credit low: %(amount)s left on channel %(ch)s of meter %(meter)s,'
        ' top up in good time."\nmsgstr "Noch %(amount)s."\n'
    )
    with books.db.write() as conn:
        conn.execute(meters.update().values(settings=json.dumps({"ch.2.unit": "kwh"})))
        for tenant_id in (1, 2):
            tenants.change(conn, tenant_id, {"language": "de"}, "system", NOW_S)
    happen(books, 1, 1)
    happen(books, 2, 2)
    with http_server() as (url, came):
        use(books, url)
        warning_sms.send_due(books)
    assert sorted(sms["text"] for sms in told(came)) == ["Noch 2,99 €.", "Noch 3,00 kWh."]
    assert language.current().code == "en"  # for what the next job says


@pytest.mark.parametrize("status", [302, 400, 429, 500, 503])
def test_what_the_gateway_does_not_take_now_is_tried_again_for_a_day(books, status):
    answers = [status, status, 200]
    happen(books, 1, 1)
    with http_server(lambda: answers.pop(0)) as (url, came):
        use(books, url)
        for _ in range(2):
            with pytest.raises(StationError, match=f"the SMS gateway answered {status}"):
                warning_sms.send_due(books)
            books.clock.unix_s += 60
        warning_sms.send_due(books)
        warning_sms.send_due(books)
        assert len(came) == 3 and len({sms["id"] for sms in told(came)}) == 1
        happen(books, 2, 1)
        books.clock.unix_s = NOW_S + 86_400
        warning_sms.send_due(books)
        assert len(came) == 3


def test_what_the_gateway_will_never_take_is_given_up(books, caplog):
    happen(books, 1, 1)
    with http_server(lambda: 410) as (url, came):
        use(books, url)
        warning_sms.send_due(books)
        warning_sms.send_due(books)
    assert len(came) == 1 and "answered 410" in caplog.text and SECRET not in caplog.text
    with books.db.read() as conn:
        detail = conn.execute(sa.select(acts.c.detail).where(acts.c.act == "warning.sms")).scalar()
    assert json.loads(detail)["result"] == "refused"


def test_a_gateway_that_does_not_answer_is_not_waited_for(books):
    happen(books, 1, 1)
    over = threading.Event()
    with http_server(lambda: 200 if over.wait(60) else 500) as (url, came):
        use(books, url, timeout=0.1)
        with pytest.raises(StationError, match="the SMS gateway cannot be reached"):
            warning_sms.send_due(books)
        over.set()
        use(books, url)
        warning_sms.send_due(books)
        assert len(came) == 2
        warning_sms.send_due(books)
        assert len(came) == 2


@pytest.fixture
def many(tmp_path):
    """Seven households that are to be told, 1, 2 and 4 to 8, at a time when the first is first."""
    books = open_households(tmp_path, {ch: "en" for ch in range(1, 9)})
    books.clock.unix_s = NOW_S - NOW_S % (7 * 60)
    for ch in range(1, 9):
        happen(books, ch, ch, at_s=books.clock.unix_s)
    yield books
    books.close()


@pytest.mark.parametrize(
    ("bad", "tried"),
    [
        ((1, 2, 4, 5, 6, 7, 8), [1, 2, 4, 5, 6]),  # it is down, and left alone for now
        ((1, 2, 4, 5, 7, 8), [1, 2, 4, 5, 6, 7, 8]),
    ],
)
def test_a_gateway_that_is_down_is_not_asked_for_everybody(many, bad, tried):
    with http_server(lambda: 500 if household(came[-1]) in bad else 200) as (url, came):
        use(many, url)
        with pytest.raises(StationError):
            warning_sms.send_due(many)
    assert list(map(household, came)) == tried


def test_who_can_never_be_reached_holds_up_nobody_for_long(many):
    bad = (1, 2, 4, 5, 6)
    with http_server(lambda: 500 if household(came[-1]) in bad else 200) as (url, came):
        use(many, url)
        for _ in range(7):
            with pytest.raises(StationError):
                warning_sms.send_due(many)
            many.clock.unix_s += 60
    assert sorted(set(map(household, came)) - set(bad)) == [7, 8]


def household(message):
    return int(json.loads(message[1])["to"][-1])


def test_who_withdrew_or_has_no_number_of_a_country_is_told_nothing(books):
    happen(books, 1, 1)
    happen(books, 2, 2)
    with books.db.write() as conn:
        privacy.withdraw(conn, 1, "alerts.sms", "system", NOW_S)
        tenants.change(conn, 2, {"phone": "0170 0000002"}, "system", NOW_S)
    with http_server() as (url, came):
        use(books, url)
        warning_sms.send_due(books)
        assert came == []
        with books.db.write() as conn:
            tenants.change(conn, 2, {"phone": "+49 170 / 0000002"}, "system", NOW_S)
        warning_sms.send_due(books)
        assert [sms["to"] for sms in told(came)] == ["+491700000002"]


def test_one_way_that_fails_does_not_hinder_the_other_and_each_tells_once(books):
    happen(books, 1, 1)
    runner = Runner(books, [j for j in joblist.of(books.config) if j.name in WAYS], UTC)
    with smtp_server() as inbox, http_server() as (url, came):
        use(books, NOWHERE)
        books.config = replace(
            books.config, mail=Mail("127.0.0.1", inbox.port, "off", sender="a@example.org")
        )
        assert runner.step() == WAYS
        assert (len(inbox.mails), len(came)) == (1, 0)
        use(books, url)
        books.config = replace(books.config, mail=Mail("127.0.0.1", 9, "off"))
        happen(books, 2, 2)
        books.clock.unix_s += 60
        assert runner.step() == WAYS
        assert (len(inbox.mails), len(came)) == (1, 2)
        books.config = replace(
            books.config, mail=Mail("127.0.0.1", inbox.port, "off", sender="a@example.org")
        )
        for _ in range(2):
            books.clock.unix_s += 60
            assert runner.step() == WAYS
        assert (len(inbox.mails), len(came)) == (2, 2)
    with books.db.read() as conn:
        counted = conn.execute(
            sa.select(acts.c.act, sa.func.count())
            .where(acts.c.act.like("warning.%"))
            .group_by(acts.c.act)
        )
        assert dict(counted.all()) == {"warning.mail": 2, "warning.sms": 2}


def test_the_jobs_are_those_of_the_two_ways():
    targets = {name: target for name, (target, _) in joblist._OFTEN.items() if name in WAYS}
    assert targets == {
        name: f"{way.__name__}:send_due"
        for name, way in zip(WAYS, (warning_mail, warning_sms), strict=True)
    }


def test_without_a_gateway_nothing_is_tried_and_without_a_secret_nothing_is_sent(books):
    happen(books, 1, 1)
    warning_sms.send_due(books)
    with http_server() as (url, came):
        use(books, url, secret=None)
        with pytest.raises(StationError, match=r"set sms\.secret"):
            warning_sms.send_due(books)
        assert came == []
        use(books, url)
        warning_sms.send_due(books)
        assert len(came) == 1

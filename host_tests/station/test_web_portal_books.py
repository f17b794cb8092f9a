"""The portal's usage, purchases, settings and own data."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from api_kit import OTHERS_TOLD, OTHERS_U, Api
from chart_kit import put, quarters
from station_kit import NOW_S
from umeter_station import twin
from umeter_station.config_keys import Mail, Sms
from umeter_station.errors import StationError
from umeter_station.models import meters
from umeter_station.models_people import tenancies
from umeter_station.people import privacy, sessions, tenants
from umeter_station.web.charts.energy import Source
from umeter_station.web.portal import usage
from umeter_station.web.site import create_site

FROM_US = {"Sec-Fetch-Site": "same-origin"}
DAY_S = 86_400
BERLIN = ZoneInfo("Europe/Berlin")
TARIFF = {
    "prices": [[300_000, 200_000], [500_000, 400_000]],
    "blocks_kwh": [100],
    "tables": [[[[0, 2], [700, 1], [2200, 2]]]],
    "seasons": [101],
    "standing_u_per_day": 150_000,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Api(tmp_path_factory.mktemp("books"), make_app=create_site)
    site.live_in()
    told = {"tariff": TARIFF, "low_credit_u": -1_500_000, "friendly": [["18", 1800, 2400]]}
    with site.write() as conn:
        conn.execute(meters.update().values(settings=json.dumps(told), settings_version=1))
        conn.execute(
            tenancies.update().where(tenancies.c.tenant_id == 1).values(from_s=NOW_S - 3000)
        )
        put(conn, quarters(NOW_S // 900 * 900 - 50 * DAY_S, 50 * 96, 100))
    yield site
    site.close()


def send(client, path, **form):
    form["csrf"] = sessions.csrf_of(client.cookies["__Host-umeter"])
    return client.post(path, data=form, headers=FROM_US, follow_redirects=False)


def set_channel(client, low="1.00", low2="", budget="0.00", meter="m1", ch="1", **more):
    form = more | {"low_credit_u": low, "low_credit_2_u": low2, "budget_u": budget}
    return send(client, "/home/settings/channel", meter=meter, ch=ch, **form)


@pytest.mark.parametrize(
    ("span", "at", "first", "days"),
    [
        ("day", "2026-10-25", "2026-10-25", 25 / 24),
        ("week", "2026-11-29", "2026-11-23", 7),
        ("month", "2026-02-28", "2026-02-01", 28),
        ("month", "2026-12-31", "2026-12-01", 31),
        ("year", "2028-02-29", "2028-01-01", 366),
    ],
)
def test_periods_are_those_of_the_calendar(span, at, first, days):
    now = usage.period(span, at, BERLIN, NOW_S)
    assert now.first.isoformat() == first and (now.until_s - now.from_s) / DAY_S == days
    earlier = usage.before(now, BERLIN)
    assert earlier.until_s == now.from_s and usage.after(earlier) == now.first


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31", "20261"])
def test_a_day_that_is_none_is_refused_in_a_sentence(at):
    with pytest.raises(StationError, match="is no day"):
        usage.period("month", at, BERLIN, NOW_S)
    with pytest.raises(StationError, match="a day, a week"):
        usage.period("decade", "", BERLIN, NOW_S)


def test_use_is_held_against_the_same_part_of_the_period_before(site):
    now = usage.period("month", "", UTC, NOW_S)
    with site.read() as conn:
        found = usage.of(conn, (Source("m1", 1),), now, UTC, NOW_S)
        new = usage.of(conn, (Source("m1", 1, now.from_s),), now, UTC, NOW_S)
    passed = NOW_S // 900 - now.from_s // 900
    assert now.first == date(2027, 1, 1) and found.wh == found.before_wh == 100 * passed
    assert found.percent == 0 and found.cost_u is not None and len(found.rates_wh) == 2
    # Who moved in since then has nothing to be held against.
    assert new.wh == found.wh and new.before_wh is None and new.percent is None


def test_the_usage_page_has_its_numbers_without_a_script_and_the_tariff_in_words(site):
    tess = site.as_("tess")
    for span in ("day", "week", "month", "year"):
        answer = tess.get(f"/home/usage?span={span}")
        assert answer.status_code == 200 and 'data-chart="/charts/m1/1.json?' in answer.text
        assert "<details" in answer.text and "no data" in answer.text
    assert "Every day costs €0.15 besides" in answer.text
    assert "up to 100 kWh" in answer.text and "from there on" in answer.text
    # NOW_S is 8 o'clock; the month has come to its second block.
    at = datetime.fromtimestamp(NOW_S, UTC)
    assert at.hour == 8 and "Now a kWh costs €0.50" in answer.text
    assert tess.get("/home/usage?span=decade").status_code == 400
    assert tess.get("/home/usage?at=x").status_code == 400


def test_purchases_are_the_own_ones_and_say_where_they_are(site):
    text = site.as_("tess").get("/home/purchases").text
    assert text.count("€1.00") == 2 and "€77" not in text
    assert "on its way to the meter" in text
    assert "€77" in site.as_("ulla").get("/home/purchases").text


def test_a_receipt_is_only_for_whose_it_is(site):
    tess = site.as_("tess")
    answer = tess.get("/home/purchases/desk/1")
    assert answer.status_code == 200 and "1.00" in answer.text
    assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]
    for path in ("desk/2", "desk/3", "desk/4", "desk/99", "web/9", "nobody/1"):
        answer = tess.get(f"/home/purchases/{path}")
        assert answer.status_code == 404
        assert not [told for told in OTHERS_TOLD if told in answer.text]
    assert site.as_("anna").get("/home/purchases/desk/1").status_code == 403


def test_a_warning_is_ordered_as_a_setting_of_the_channel(site):
    tess = site.as_("tess")
    answer = set_channel(tess, "2.50", "1,25", "4")
    assert answer.headers["Location"] == "/home/settings?said=ordered"
    with site.read() as conn:
        found = {row.key: (row.value, row.set_by) for row in twin.get(conn, "m1").desired}
    assert found == {
        "ch.1.low_credit_u": (2_500_000, "tenant:1"),
        "ch.1.low_credit_2_u": (1_250_000, "tenant:1"),
        "ch.1.budget_u": (4_000_000, "tenant:1"),
    }
    page = tess.get("/home/settings").text
    assert page.count("on its way to the meter") == 3 and 'value="2.50"' in page
    assert "special days: 18:00–24:00" in page
    # The same again orders nothing.
    answer = set_channel(tess, "2.50", "1.25", "4.00")
    assert answer.headers["Location"] == "/home/settings?said=saved"


@pytest.mark.parametrize("typed", ["much", "-1", "1.2345678", "1e3", "100000000"])
def test_what_is_no_amount_changes_nothing_and_stays_in_the_form(site, typed):
    tess = site.as_("tess")
    with site.read() as conn:
        before = twin.get(conn, "m1")
    answer = set_channel(tess, typed)
    assert answer.status_code == 400 and f'value="{typed}"' in answer.text
    assert 'role="alert"' in answer.text
    with site.read() as conn:
        assert twin.get(conn, "m1") == before


def test_nobody_sets_anothers_channel_or_anything_else(site):
    tess = site.as_("tess")
    set_channel(tess, "2.50", "1.25", "4.00")
    with site.read() as conn:
        before = twin.get(conn, "m1")
    for meter, ch in (("m1", "2"), ("m1", "4"), ("m2", "1")):
        assert set_channel(tess, "9", meter=meter, ch=ch).status_code == 404
    set_channel(tess, "2.50", "1.25", "4.00", price_u_per_kwh="0", limit_w="0")
    with site.read() as conn:
        keys = {row.key for row in twin.get(conn, "m1").desired}
        assert twin.get(conn, "m1") == before
    assert keys <= {f"ch.1.{key}" for key in ("low_credit_u", "low_credit_2_u", "budget_u")}
    assert set_channel(site.as_("anna"), "9").status_code == 403
    del tess.headers["X-CSRF-Token"]
    answer = tess.post("/home/settings/channel", data={"meter": "m1", "ch": 1}, headers=FROM_US)
    assert answer.status_code == 403


def test_where_warnings_go_and_what_one_agrees_to(site):
    ulla = site.as_("ulla")
    path = "/home/settings/contact"
    assert send(ulla, path, by_email="yes").status_code == 400
    assert send(ulla, path, email="no mail", by_email="yes").status_code == 400
    with site.read() as conn:
        assert not privacy.agrees(conn, 2, "alerts.email")
    assert send(ulla, path, email="u@example.org", by_email="yes").status_code == 303
    with site.read() as conn:
        assert tenants.get(conn, 2).email == "u@example.org"
        assert privacy.agrees(conn, 2, "alerts.email")
        assert not privacy.agrees(conn, 2, "usage.landlord")
    assert send(ulla, path, email="u@example.org").status_code == 303
    with site.read() as conn:
        assert not privacy.agrees(conn, 2, "alerts.email")


@pytest.mark.parametrize(
    ("phone", "words"),
    [
        ("", "warnings by SMS need a mobile number"),
        ("0170 1234567", "need the number with its country&#39;s code, as +491701234567"),
        ("+49170", "need the number with its country&#39;s code"),
        ("call me", "That is no telephone number"),
    ],
)
def test_warnings_by_sms_need_a_number_that_means_the_same_everywhere(site, phone, words):
    ulla = site.as_("ulla")
    form = {"email": "other@example.org", "phone": phone, "by_sms": "yes"}
    with site.read() as conn:
        before = tenants.get(conn, 2)
    answer = send(ulla, "/home/settings/contact", **form)
    assert answer.status_code == 400 and words in answer.text
    assert 'name="by_sms" value="yes" checked' in answer.text
    assert f'value="{phone}"' in answer.text
    with site.read() as conn:
        assert tenants.get(conn, 2) == before and not privacy.agrees(conn, 2, "alerts.sms")


def test_warnings_by_sms_are_asked_for_and_taken_back(site):
    ulla, path = site.as_("ulla"), "/home/settings/contact"
    assert send(ulla, path, phone="+49 (170) 1234567", by_sms="yes").status_code == 303
    with site.read() as conn:
        assert tenants.get(conn, 2).phone == "+491701234567"
        assert privacy.agrees(conn, 2, "alerts.sms")
        assert not privacy.agrees(conn, 2, "alerts.email")
    page = ulla.get("/home/settings").text
    assert 'name="by_sms" value="yes" checked' in page
    assert "sends no mail yet" in page and "sends no SMS yet" in page
    assert send(ulla, path, phone="0170 1234567").status_code == 303
    with site.read() as conn:
        assert not privacy.agrees(conn, 2, "alerts.sms")


def test_a_station_with_a_gateway_and_a_mail_server_does_not_excuse_itself(site, monkeypatch):
    sends = replace(site.books.config, mail=Mail("m.example"), sms=Sms("https://sms.example"))
    monkeypatch.setattr(site.books, "config", sends)
    page = site.as_("ulla").get("/home/settings").text
    assert "sends no mail yet" not in page and "sends no SMS yet" not in page


def test_own_data_as_files(site):
    tess = site.as_("tess")
    answer = tess.get("/home/settings/data/use.csv")
    lines = answer.text.splitlines()
    assert "attachment" in answer.headers["Content-Disposition"]
    assert lines[0] == "meter,channel,from,until,wh,estimated" and len(lines) in (3, 4)
    assert all(line.startswith("m1,1,2027-01-15T") for line in lines[1:])
    bought = tess.get("/home/settings/data/purchases.csv").text
    assert "1000000" in bought and str(OTHERS_U) not in bought
    known = tess.get("/home/settings/data/all.json").json()
    assert known["tenant"]["name"] == "Tenant 1" and known["logins"] == ["tess"]
    assert str(OTHERS_U) not in json.dumps(known)
    assert tess.get("/home/settings/data/everything.csv").status_code == 400


def test_who_still_lives_there_is_not_forgotten_and_who_moved_out_is(site):
    gone = site.as_("gone")
    assert send(gone, "/home/settings/forget").status_code == 400
    tess = site.as_("tess")
    answer = send(tess, "/home/settings/forget", sure="yes")
    assert answer.status_code == 400 and "You still live here" in answer.text
    answer = send(gone, "/home/settings/forget", sure="yes")
    assert answer.headers["Location"] == "/sign-in?said=forgotten"
    assert gone.get("/home", follow_redirects=False).status_code == 303
    with site.read() as conn:
        assert tenants.get(conn, 3).forgotten_at == NOW_S
        assert tenants.get(conn, 1).forgotten_at is None


def test_a_day_has_its_power_as_a_line_that_goes_on_today(site):
    tess = site.as_("tess")
    today = tess.get("/home/usage?span=day").text
    assert "kind=power&amp;last_s=86400" in today and 'data-again="60"' in today
    before = tess.get("/home/usage?span=day&at=2027-01-14").text
    assert "kind=power&amp;from_s=" in before and "data-again" not in before
    assert "kind=power" not in tess.get("/home/usage?span=month").text

"""The console's front: what is abnormal now, and a finding with its evidence."""

import re

import pytest
import sqlalchemy as sa

from api_kit import Api, quick_passwords
from station_kit import NOW_S, reading, store, uplink
from umeter_station import models_watch
from umeter_station.people import sites
from umeter_station.watch import catalog, findings
from umeter_station.web.site import create_site
from umeter_station.web.watch import findings as view
from umeter_station.web.watch.evidence import facts
from umeter_station.web.watch.meaning import MEANINGS

FROM_US = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    site = Api(tmp_path, make_app=create_site)
    with site.write() as conn:
        house = sites.add(conn, "Elm & Oak", "", "system", NOW_S)
        sites.put_meter(conn, house.id, "m1", "system", NOW_S)
    yield site
    site.close()


@pytest.fixture
def noted(site):
    """What a test notes is closed at its end, so long ago that it is never opened again."""

    def note(rule, meter="m1", ch=0, evidence=None, severity="alarm", since_s=NOW_S - 600):
        with site.write() as conn:
            return findings.note(
                conn, rule, meter, ch, evidence or {}, severity, NOW_S, since_s=since_s
            )

    yield note
    with site.write() as conn:
        over = {"state": "closed", "closed_at": 0, "quiet_until": 0, "cause_id": None}
        conn.execute(sa.update(models_watch.findings).values(over))


def _page(site, path="/console", name="olaf", status=200):
    answer = site.as_(name).get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def _post(site, path, name="olaf", **form):
    client = site.as_(name, follow_redirects=False)
    return client.post(path, data=form, headers=FROM_US)


def _titles(text):
    return re.findall(r'<h2><a href="/console/findings/\d+">([^<]+)', text)


def test_nothing_abnormal_is_said_calmly_with_who_is_there(site):
    text = _page(site)
    assert "Nothing abnormal" in text and "none yet" in text
    assert re.search(r"Never heard</dt><dd>2<", text)
    store(site.books.db, uplink("reading", reading()), now_s=NOW_S - 120)
    text = _page(site)
    assert re.search(r"Meters online</dt><dd>1<", text) and "2 min ago" in text


def test_findings_stand_under_their_cause_the_worst_first(site, noted):
    offline = noted("A02")
    missing = noted("A01", severity="warn")
    noted("A10", "m2", 2, severity="info")
    noted("A06", "m2", 3, {"moved_wh": 14}, "critical", NOW_S - 7200)
    with site.write() as conn:
        findings.explain(conn, missing, offline, NOW_S)
    text = _page(site)
    wanted = ["Energy behind an open contact", "Offline", "More or less is used than usual"]
    assert _titles(text) == wanted
    assert "Explains 1 more" in text and "Readings missing" in text
    assert "m2, channel 3" in text and "Elm &amp; Oak" in text and "0.014 kWh" in text
    assert "The supply cannot be cut there" in text and "1 critical" in text
    assert "2 hours ago" in text


def test_filters(site, noted):
    number = noted("A02")
    noted("A06", "m2", 3, severity="critical")
    assert _titles(_page(site, "/console?site=Elm+%26+Oak")) == ["Offline"]
    assert _titles(_page(site, "/console?rule=A06")) == ["Energy behind an open contact"]
    assert _titles(_page(site, "/console?state=acknowledged")) == []
    with site.write() as conn:
        findings.acknowledge(conn, number, "operator:olaf", NOW_S)
    assert _titles(_page(site, "/console?state=acknowledged")) == ["Offline"]
    assert "That is of what you chose" in _page(site, "/console?rule=A19")
    _page(site, "/console?state=nonsense", status=400)
    _page(site, "/console?rule=x", status=400)


def test_one_tap_says_who_looks_after_it_and_leads_back(site, noted):
    number = noted("A02")
    back = "/console?rule=A02"
    answer = _post(site, f"/console/findings/{number}/acknowledge", csrf=_csrf(site), next=back)
    assert answer.status_code == 403  # The token is that of another session.
    client = site.as_("olaf", follow_redirects=False)
    form = {"csrf": client.headers["X-CSRF-Token"], "next": back}
    path = f"/console/findings/{number}/acknowledge"
    answer = client.post(path, data=form, headers=FROM_US)
    assert answer.headers["Location"] == back + "&said=acknowledged"
    with site.read() as conn:
        found = findings.get(conn, number)
    assert (found.state, found.assignee) == ("acknowledged", "olaf")
    assert "olaf looks after it" in _page(site)
    again = client.post(path, data=form, headers=FROM_US)
    assert again.status_code == 400 and "acknowledged already" in again.text
    away = {**form, "next": "https://evil.example/"}
    close = client.post(f"/console/findings/{number}/close", data=away, headers=FROM_US)
    assert close.headers["Location"] == "/console?said=finding-closed"


def _csrf(site):
    return site.as_("olaf").headers["X-CSRF-Token"]


def test_it_is_closed_with_a_note_and_kept_quiet(site, noted):
    number = noted("A02")
    path = f"/console/findings/{number}/close"
    assert _post(site, path, quiet_days="999").status_code == 400
    assert _post(site, path, note="x" * 2001).status_code == 400
    assert _post(site, path, note="The fuse <b>was</b> out.", quiet_days="7").status_code == 303
    with site.read() as conn:
        found = findings.get(conn, number)
    assert found.state == "closed" and found.quiet_until == NOW_S + 7 * 86_400
    text = _page(site, f"/console/findings/{number}")
    assert "The fuse &lt;b&gt;was&lt;/b&gt; out." in text and "Close it" not in text
    assert "Offline" in _titles(_page(site, "/console?state=closed"))


def test_a_note_is_kept_and_an_empty_one_is_refused_with_a_sentence(site, noted):
    number = noted("A08", ch=2)
    path = f"/console/findings/{number}/note"
    refused = _post(site, path, note="  ")
    assert refused.status_code == 400 and 'role="alert"' in refused.text
    assert _post(site, path, note="Front end ordered.").status_code == 303
    assert "Front end ordered." in _page(site, f"/console/findings/{number}")


def test_a_finding_shows_its_numbers_in_words_and_a_chart_around_the_time(site, noted):
    store(site.books.db, uplink("reading", reading(power_dw=[230, 0])), now_s=NOW_S - 60)
    number = noted("A06", ch=1, evidence={"moved_wh": 14, "current_ma": 1870, "between_s": 60})
    other = noted("A02")
    with site.write() as conn:
        findings.explain(conn, number, other, NOW_S)
    text = _page(site, f"/console/findings/{number}")
    assert "moved the register by" in text and "1.870 A" in text
    assert 'data-chart="/charts/m1/1.json?kind=power' in text
    assert "It is explained by" in text and f"/console/findings/{other}" in text
    assert "It explains" in _page(site, f"/console/findings/{other}")
    _page(site, "/console/findings/99999", status=404)
    money = noted("A15", ch=1, evidence={"ledger_credited_u": 5_000_000}, severity="critical")
    text = _page(site, f"/console/findings/{money}")
    assert "data-chart" not in text and "€5.00" in text


@pytest.mark.parametrize("name", ["carl", "tess"])
def test_who_has_no_right_to_findings_sees_none(site, noted, name):
    number = noted("A02")
    for path in ("/console", f"/console/findings/{number}", "/live/abnormal"):
        _page(site, path, name, status=403)
    for act in ("acknowledge", "close", "note"):
        assert _post(site, f"/console/findings/{number}/{act}", name).status_code == 403
    with site.read() as conn:
        assert findings.get(conn, number).state == "open"


def test_an_auditor_sees_and_changes_nothing(site, noted):
    number = noted("A02")
    text = _page(site, "/console", "ada")
    assert _titles(text) == ["Offline"] and "/acknowledge" not in text
    assert "/note" not in _page(site, f"/console/findings/{number}", "ada")
    path = f"/console/findings/{number}/acknowledge"
    assert _post(site, path, "ada").status_code == 403


def test_every_rule_has_a_meaning_and_an_advice():
    assert set(MEANINGS) == {*catalog.BY_ID, *catalog.NOTED}
    assert view.title("X99") == "X99"


def test_evidence_is_written_by_its_units():
    told = dict(
        facts(
            {
                **{"voltage_dv": 2531, "share_ppm": 42_000, "clock": 0, "of": 4, "a": 1},
                **{"until_s": NOW_S, "state": 16},
                "found": [{"what": "x", "balance_u": 5_000_000}],
                **{"current_ma": None, "usual_wh_a_day": 1_500, "newer_s_thing": "so"},
            }
        )
    )
    assert told["voltage"] == "253.1 V" and told["share of it that is not metered"] == "4.2 %"
    assert told["clock"] == "not set" and told["of so many due"] == "4"
    assert told["account"] == "out of credit" and told["what differs"] == "x (balance €5.00)"
    assert told["usual on a day"] == "1.500 kWh" and told["newer_s_thing"] == "so"
    assert "2027" in told["heard again"] and "current" not in told and "a" not in told


def test_how_many_and_how_often_are_said_in_their_number(site, noted):
    often = noted("A02")
    noted("A05", "m2", 1)
    noted("A01", severity="warn")
    f = models_watch.findings
    with site.write() as conn:
        conn.execute(sa.update(f).values(times=1))
        conn.execute(sa.update(f).where(f.c.id == often).values(times=3))
    text = _page(site)
    assert re.findall(r">(\d \w+)</span>", text) == ["2 alarms", "1 warning"]
    assert text.count("it came ") == 1 and "it came 3 times" in text
    assert "it came 3 times" in _page(site, f"/console/findings/{often}")

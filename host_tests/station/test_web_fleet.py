"""The fleet's pages: a change of many meters tried out on paper, begun, steered, rolled back."""

import re

import pytest

from api_kit import Api
from fleet_kit import fleet, hurried
from station_kit import NOW_S
from umeter_station.desk import tariffs
from umeter_station.fleet import rollouts, select, templates
from umeter_station.people import approvals
from umeter_station.web.site import create_site
from web_kit import fields, refused, send

NEW = "/console/fleet/rollouts/new"


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    hurried(site.books.db)
    site.meters = fleet(site.books.db, ["m1", "m2"])
    site.olaf = site.as_("olaf", follow_redirects=False)
    yield site
    site.close()


def _look(client, **wish):
    return client.get(NEW, params={"look": "yes", **wish})


def _begin(client, page, **ticks):
    action = re.search(r'action="(/console/fleet/rollouts\?[^"]*)"', page)[1]
    return send(client, action.replace("&amp;", "&"), fields(page, action), **ticks)


def _step(site, after_s=0):
    site.clock.unix_s = site.clock.now_s() + after_s
    for _ in range(2):
        with site.write() as conn:
            rollouts.step(conn, site.clock.now_s())
        for meter in site.meters.values():
            meter.answer(site.clock.now_s())
    with site.write() as conn:
        rollouts.step(conn, site.clock.now_s())


def _started(site, **wish):
    wish = {"key": "limit_w", "value": "3000", "all": "yes"} | wish
    answer = _begin(site.olaf, _look(site.olaf, **wish).text)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].partition("?")[0]


def test_a_change_is_tried_out_begun_and_followed_to_its_end(site):
    page = _look(site.olaf, key="limit_w", value="3000", all="yes").text
    assert re.search(r"<code>limit_w</code></th><td>0</td><td>3000</td>", page)
    answer = _begin(site.olaf, page)
    assert answer.status_code == 303
    path = answer.headers["Location"].partition("?")[0]
    _step(site)
    page = site.olaf.get(path).text
    assert "limit_w = 3000" in page and "running" in page
    # The first one has it and is watched; the other waits for its wave.
    assert page.count('<span class="badge good">applied') >= 1 and "being watched" in page
    for _ in range(6):
        _step(site, 700)
    page = site.as_("olaf").get(path).text
    assert '<span class="badge good">done' in page and "2 " in page
    assert site.meters["m1"].told["limit_w"] == site.meters["m2"].told["limit_w"] == 3000
    assert path in site.as_("olaf").get("/console/fleet").text


def test_what_other_pages_know_is_filled_in(site):
    with site.write() as conn:
        templates.add(conn, "flats", {"limit_w": 3000}, "", "anna", NOW_S)
    page = site.olaf.get(NEW, params={"template": "flats"}).text
    assert '<option value="flats" selected>' in page and "What it would do" not in page
    query = {"key": ["limit_w", "ch.2.limit_w"], "value": ["3000", "1500"], "where": "board=sim8"}
    page = site.olaf.get(NEW, params=query).text
    for text in ("limit_w", "3000", "ch.2.limit_w", "1500", "board=sim8"):
        assert f'value="{text}"' in page
    assert "/console/meters/m1" not in page


# What is typed, and what is said of it.
UNCLEAR = [
    ({"key": "limit_w", "value": "3000"}, "Choose meters"),
    ({"key": "limit_w", "value": "1", "all": "yes", "meters": "m1"}, "only one of these"),
    ({"all": "yes"}, "at least one setting"),
    ({"all": "yes", "key": "limit_w"}, "needs a setting and its value"),
    ({"all": "yes", "template": "none-such"}, "no template none-such"),
    ({"all": "yes", "template": "x", "key": "limit_w", "value": "1"}, "not both"),
    ({"where": "sit=x", "key": "limit_w", "value": "1"}, "At 1"),
    ({"meters": "m9", "key": "limit_w", "value": "1"}, "m9"),
    ({"tariff": "day", "key": "limit_w", "value": "1"}, "has the tariff day"),
    ({"all": "yes", "key": "limit_w", "value": "1", "canary": "half"}, "no number of meters"),
    ({"all": "yes", "key": "limit_w", "value": "1", "failing": "-1"}, "no percentage"),
    ({"all": "yes", "key": "limit_w", "value": "1", "answer": "soon"}, "whole minutes"),
]


def test_a_wish_that_is_not_clear_is_refused_in_one_sentence(site):
    for wish, sentence in UNCLEAR:
        answer = _look(site.olaf, **wish)
        assert answer.status_code in (400, 404), wish
        alert = re.search(r'role="alert"[^>]*>([^<]*)<', answer.text)[1]
        assert sentence in alert, (wish, alert)
        assert "What it would do" not in answer.text, wish


def test_who_would_refuse_is_left_out_only_if_that_is_meant(site):
    page = _look(site.olaf, key="ch.9.limit_w", value="1", all="yes").text
    assert ">refused<" in page and "/console/fleet/rollouts?" not in page
    page = _look(site.olaf, key="limit_w", value="3000", all="yes").text
    site.meters["m2"].channels = 2
    site.meters["m2"].status()
    wish = {"key": "ch.5.limit_w", "value": "3000", "all": "yes"}
    page = _look(site.olaf, **wish).text
    refused(_begin(site.olaf, page), 400, "1 of 2 meters would refuse it")
    assert _begin(site.olaf, page, leave_out="yes").status_code == 303


def test_what_was_looked_at_must_still_be_so(site):
    page = _look(site.olaf, key="limit_w", value="3000", where="label.floor=none").text
    with site.write() as conn:
        select.label(conn, ["m2"], "floor", "3")
    refused(_begin(site.olaf, page), 409, "have changed since")
    page = _look(site.olaf, key="limit_w", value="3000", all="yes").text
    assert _begin(site.olaf, page).status_code == 303
    # The same form once more begins nothing.
    assert _begin(site.olaf, page).status_code == 409
    assert site.olaf.get("/console/fleet/rollouts/2").status_code == 404


def test_a_rollout_is_paused_goes_on_is_ended_and_rolled_back(site):
    path = _started(site)
    for act, word in (("pause", "paused"), ("resume", "running")):
        assert send(site.olaf, f"{path}/{act}").status_code == 303
        assert f">{word}</span>" in site.olaf.get(path).text
    _step(site)
    refused(send(site.olaf, f"{path}/abort"), 400, "Tick that it is meant")
    assert send(site.olaf, f"{path}/abort", sure="yes").status_code == 303
    refused(send(site.olaf, f"{path}/pause"), 400, "it cannot be paused")
    refused(send(site.olaf, f"{path}/back"), 400, "Tick that it is meant")
    answer = send(site.olaf, f"{path}/back", sure="yes")
    assert answer.headers["Location"].startswith("/console/fleet/rollouts/2")
    _step(site)
    assert [meter.told.get("limit_w", 0) for meter in site.meters.values()] == [0, 0]
    assert "Back from rollout 1" in site.olaf.get("/console/fleet/rollouts/2").text


def test_too_many_failures_stop_it_until_somebody_allows_more(site):
    for meter in site.meters.values():
        meter.refuses["limit_w"] = "not with these contacts"
    path = _started(site)
    _step(site)
    page = site.olaf.get(path).text
    assert "stopped by itself" in page and "not with these contacts" in page
    refused(send(site.olaf, f"{path}/resume"), 400, "1000 per mille")
    assert send(site.olaf, f"{path}/resume", failing_permille="1000").status_code == 303
    failed = site.olaf.get(path, params={"view": "failed"}).text
    assert "/console/meters/m1" in failed and "/console/meters/m2" not in failed


def test_a_price_takes_another_person_where_that_is_switched_on(site):
    with site.write() as conn:
        approvals.switch(conn, "tariff", True, "operator:anna", NOW_S)
    page = _look(site.olaf, key="price_u_per_kwh", value="0.25", all="yes").text
    assert "another owner or operator has to approve it" in page
    answer = _begin(site.olaf, page)
    assert answer.headers["Location"].endswith("said=rollout-asked")
    assert "waits for approval" in site.olaf.get(answer.headers["Location"]).text


def test_meters_are_found_by_their_tariff(site):
    with site.write() as conn:
        day = tariffs.save(conn, "day", {"price_u_per_kwh": 250_000}, "anna", NOW_S)
        tariffs.assign(conn, "m2", 0, day, NOW_S - 10, "anna", NOW_S)
    page = _look(site.olaf, key="limit_w", value="3000", tariff="day").text
    assert "/console/meters/m2" in page and "/console/meters/m1" not in page


def test_who_may_only_read_sees_what_it_would_do_and_begins_nothing(site):
    ada = site.as_("ada", follow_redirects=False)
    page = _look(ada, key="limit_w", value="3000", all="yes").text
    assert "What it would do" in page and 'method="post" action="/console/fleet' not in page
    assert send(ada, "/console/fleet/rollouts?key=limit_w&value=1&all=yes").status_code == 403
    for name in ("carl", "tess"):
        client = site.as_(name)
        for path in ("/console/fleet", NEW, "/console/fleet/rollouts/1"):
            assert client.get(path).status_code == 403


def test_what_differs_from_what_was_set_is_told_with_its_age(site):
    _started(site)
    _step(site)
    now_s = site.clock.now_s()
    site.meters["m1"].set_here(now_s, limit_w=10)
    site.clock.unix_s = now_s + 7200
    page = site.as_("olaf").get("/console/fleet").text
    assert "1 meter has settings that are not as they were set" in page and "2 hours" in page

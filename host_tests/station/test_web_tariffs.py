"""The pages of tariffs, fees and taxes."""

import json
import re

import pytest
import sqlalchemy as sa

from api_kit import Api
from desk_kit import TARIFF
from station_kit import NOW_S
from umeter_station.desk import charges, tariffs
from umeter_station.fleet import templates
from umeter_station.people import approvals
from umeter_station.web.site import create_site
from umeter_station.web.tariffs import shape, words
from umeter_station.web.tariffs.shape import Typed
from web_kit import fields, refused, send

TARIFFS = "/console/tariffs"
FLAT = {"name": "Flat", "base": "0", "shape": "flat", "price": "0.28", "kwh": "250"}


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    with site.write() as conn:
        tariffs.save(conn, "House", {"tariff": TARIFF, "max_topup_u": 90_000_000}, "op", NOW_S)
    yield site
    site.close()


@pytest.fixture
def olaf(site):
    return site.as_("olaf", follow_redirects=False)


def _newest(site, name):
    with site.read() as conn:
        return tariffs.get(conn, name)


def _written(site):
    with site.read() as conn:
        return [
            conn.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()
            for table in ("tariffs", "tariff_assignments", "commands", "charge_terms", "approvals")
        ]


def test_a_tariff_is_told_in_plain_words(olaf):
    page = olaf.get(f"{TARIFFS}/of/House").text
    for part in ("€0.30", "€0.10", "00:00–07:00 rate 2", "07:00–23:00 rate 1", "€90.00"):
        assert part in page
    assert "House" in olaf.get(TARIFFS).text
    assert olaf.get(f"{TARIFFS}/of/None").status_code == 404
    assert olaf.get(f"{TARIFFS}/of/House?version=7").status_code == 404


def test_seasons_and_kinds_of_days_have_their_words():
    night, flat = [[0, 2], [700, 1]], [[0, 1]]
    told = words.of(
        {"tariff": {"prices": [[2, 1]], "seasons": [101, 1001], "tables": [[night, flat], [flat]]}}
    )
    days = [(day.begins, day.kind, len(day.spans)) for day in told.days]
    assert days == [((1, 1), "working", 2), ((1, 1), "weekend", 1), ((10, 1), "all", 1)]


@pytest.mark.parametrize(
    ("typed", "document"),
    [
        (Typed("flat", "0.28"), {"price_u_per_kwh": 280_000}),
        (
            Typed("flat", "0.28", standing="0.15"),
            {"tariff": {"prices": [[280_000]], "standing_u_per_day": 150_000}},
        ),
        (Typed("night", "0.30", "0.10"), {"tariff": TARIFF}),
        (
            Typed("step", "0.20", "0.40", step_kwh="80"),
            {"tariff": {"prices": [[200_000], [400_000]], "blocks_kwh": [80]}},
        ),
    ],
)
def test_what_the_form_makes_comes_back_into_the_form(typed, document):
    made = shape.made(typed, {"unit": "money", "price_u_per_kwh": 1})
    assert made == {**document, "unit": "money"}
    tariffs.check("x", made)
    back = shape.of(made)
    assert back.shape == typed.shape and shape.made(back, made) == made


def test_what_no_form_makes_is_shown_as_a_document():
    for tariff in (
        {"prices": [[3, 2, 1]], "tables": [[[[0, 1], [600, 2], [1200, 3]]]]},
        {"prices": [[3, 2]], "tables": [[[[0, 2], [700, 1]], [[0, 2]]]]},
        {"prices": [[3, 2]], "tables": [[[[0, 1]]]], "fallback": 2},
    ):
        typed = shape.of({"tariff": tariff})
        assert typed.shape == "document" and json.loads(typed.document) == {"tariff": tariff}


def test_a_new_tariff_is_looked_at_first_and_saved_once(site, olaf):
    before = _written(site)
    look = send(olaf, f"{TARIFFS}/save", FLAT, act="look")
    assert look.status_code == 200 and "€70.00" in look.text
    assert _written(site) == before
    for _ in range(2):
        assert send(olaf, f"{TARIFFS}/save", FLAT, act="save").is_redirect
    assert _newest(site, "Flat").version == 1
    form = fields(olaf.get(f"{TARIFFS}/of/Flat/change").text, f"{TARIFFS}/save")
    changed = {**FLAT, "base": form["base"], "price": "0.30"}
    look = send(olaf, f"{TARIFFS}/save", changed, act="look").text
    assert "€70.00" in look and "€75.00" in look and "+ €5.00" in look
    assert send(olaf, f"{TARIFFS}/save", changed, act="save").is_redirect
    stale = {**changed, "price": "0.31"}
    refused(send(olaf, f"{TARIFFS}/save", stale, act="save"), 409, "since you opened it")
    assert _newest(site, "Flat").document == {"price_u_per_kwh": 300_000}
    page = olaf.get(f"{TARIFFS}/of/Flat?kwh=100").text
    assert "€30.00" in page and "€28.00" in page


def test_what_is_wrong_with_a_tariff_changes_nothing(site, olaf):
    before = _written(site)
    for more, sentence in (
        ({"name": "a/b"}, "names no tariff"),
        ({"price": ""}, "is not an amount"),
        ({"price": "-1"}, "is not an amount"),
        ({"shape": "night", "second": "0.1", "day_from": "25:00", "day_to": "23:00"}, "no time"),
        (
            {"shape": "night", "second": "0.1", "day_from": "9:00", "day_to": "8:00"},
            "begins before",
        ),
        ({"shape": "step", "second": "0.1", "step_kwh": "1.5"}, "whole kWh"),
        ({"shape": "document", "document": "[1]"}, "JSON"),
        ({"shape": "document", "document": '{"limit_w": 1}'}, "limit_w"),
        ({"shape": "document", "document": '{"price_u_per_kwh": "x"}'}, "price_u_per_kwh"),
    ):
        for act in ("look", "save"):
            form = {**FLAT, "name": "Wrong", **more, "act": act}
            refused(send(olaf, f"{TARIFFS}/save", form), 400, sentence)
    assert send(olaf, f"{TARIFFS}/save", FLAT, kwh="-1").status_code == 400
    assert _written(site) == before


def test_a_tariff_is_given_to_a_channel_or_waits_for_a_second_person(site, olaf):
    push = f"{TARIFFS}/of/House/push"
    form = {"version": "1", "place": "m1/2", "sure": "yes"}
    before = _written(site)
    refused(send(olaf, push, {**form, "sure": ""}), 400, "by the tick")
    refused(send(olaf, push, form, place="m9"), 404, "unknown")
    refused(send(olaf, push, form, place="m1/99"), 404, "no channel 99")
    refused(send(olaf, push, form, place="m1/x"), 400, "names no channel")
    refused(send(olaf, push, form, date="2099-01-01"), 400, "Only prices can be given in advance")
    assert _written(site) == before
    with site.write() as conn:
        approvals.switch(conn, "tariff", True, "operator:anna", NOW_S)
    asked = send(olaf, push, form).headers["Location"]
    assert "waits for a second person" in olaf.get(asked).text
    with site.write() as conn:
        assert tariffs.given(conn, "House", NOW_S) == []
        approvals.decide(conn, int(asked.rpartition("=")[2]), "operator:anna", True, NOW_S)
        approvals.switch(conn, "tariff", False, "operator:anna", NOW_S)
    assert "m1 / 2" in olaf.get(f"{TARIFFS}/of/House").text
    assert send(olaf, push, form, place="m2").is_redirect
    with site.write() as conn:
        assert tariffs.counts(conn, NOW_S) == {"House": 2}
        other = tariffs.save(conn, "Other", {"price_u_per_kwh": 1}, "op", NOW_S)
        tariffs.push(conn, "m2", 0, other, "op", NOW_S)
        assert tariffs.counts(conn, NOW_S) == {"House": 1, "Other": 1}


def test_many_meters_get_it_by_a_rollout_of_a_template(site, olaf):
    answer = send(olaf, f"{TARIFFS}/of/House/rollout", version="1")
    where = answer.headers["Location"]
    assert where == "/console/fleet/rollouts/new?template=tariff-house@1"
    with site.read() as conn:
        made = templates.get(conn, "tariff-house", 1)
    assert made.settings == {"next_tariff": None, "tariff": TARIFF, "max_topup_u": 90_000_000}


def test_fees_and_taxes_are_looked_at_and_set(site, olaf):
    page = f"{TARIFFS}/charges"
    form = {"way": "desk", "fee": "0.10", "fee_permille": "0", "tax_permille": "200"}
    before = _written(site)
    look = send(olaf, page, form, act="look")
    assert look.status_code == 200 and "€8.233334" in look.text
    for more, sentence in (
        ({"fee": "x"}, "is not an amount"),
        ({"date": "2001-01-01"}, "from now on or later"),
        ({"least": "5", "most": "4"}, "less than the smallest"),
    ):
        refused(send(olaf, page, {**form, **more}, act="save"), 400, sentence)
    for more in ({"way": "cheque"}, {"tax_permille": "1000"}, {"act": "x"}):
        assert send(olaf, page, {**form, **more}).status_code == 400
    assert _written(site) == before
    assert send(olaf, page, form, act="save").is_redirect
    with site.read() as conn:
        assert charges.in_force(conn, "desk", NOW_S).tax_permille == 200
    assert re.search("200 ‰", olaf.get(page).text)


def test_who_may_not_write_only_reads(site):
    before = _written(site)
    for name in ("carl", "ada"):
        reader = site.as_(name)
        for path in ("", "/of/House", "/charges"):
            page = reader.get(TARIFFS + path)
            assert page.status_code == 200 and 'action="/console/tariffs' not in page.text
    ways = [
        ("/save", {**FLAT, "act": "save", "name": "Mine"}),
        ("/of/House/push", {"version": "1", "place": "m1", "sure": "yes"}),
        ("/of/House/rollout", {"version": "1"}),
        ("/charges", {"act": "save"}),
    ]
    for path, form in ways:
        for name in ("carl", "ada", "tess"):
            assert send(site.as_(name), TARIFFS + path, form).status_code == 403, (path, name)
        olaf = site.as_("olaf")
        del olaf.headers["X-CSRF-Token"]
        assert send(olaf, TARIFFS + path, form).status_code == 403, path
    for path in ("", "/new", "/of/House", "/of/House/change", "/charges"):
        assert site.as_("tess").get(TARIFFS + path).status_code == 403
    assert _written(site) == before

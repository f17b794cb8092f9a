"""The fleet's pages: templates, readings by the clock, releases of the firmware."""

import re

import pytest

from api_kit import Api
from fleet_kit import fleet, hurried
from umeter_deploy import bundle as bundles
from umeter_station.fleet import rollouts, schedules, templates
from umeter_station.web.site import create_site
from web_kit import FROM_US, fields, refused, send

TEMPLATES, SCHEDULES = "/console/fleet/templates", "/console/fleet/schedules"
RELEASES = "/console/fleet/releases"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Api(tmp_path_factory.mktemp("plans"), make_app=create_site)
    hurried(site.books.db)
    site.meters = fleet(site.books.db, ["m1", "m2"])
    yield site
    site.close()


@pytest.fixture
def olaf(site):
    return site.as_("olaf", follow_redirects=False)


def test_a_template_is_kept_and_changed_only_by_who_has_seen_the_newest(site, olaf):
    form = {"name": "flats", "note": "for flats", "key": ["limit_w", ""], "value": ["3000", ""]}
    answer = send(olaf, TEMPLATES, **form)
    assert answer.headers["Location"].startswith(f"{TEMPLATES}/flats")
    page = olaf.get(f"{TEMPLATES}/flats").text
    assert 'value="limit_w"' in page and "for flats" in page
    shown = fields(page, TEMPLATES)
    assert shown["base_version"] == "1"
    change = {"key": ["limit_w", "price_u_per_kwh"], "value": ["2000", "0.25"]}
    assert send(olaf, TEMPLATES, shown, **change).status_code == 303
    with site.read() as conn:
        newest = templates.get(conn, "flats")
    assert newest.version == 2
    assert newest.settings == {"limit_w": 2000, "price_u_per_kwh": 250_000}
    refused(send(olaf, TEMPLATES, shown, **change, note="again"), 409, "has version 2")
    assert "/console/fleet/rollouts/new?template=flats" in olaf.get(TEMPLATES).text


def test_what_a_template_shows_is_read_again_as_the_same(site, olaf):
    form = {"name": "odd", "key": ["low_credit_u", "report_s"], "value": ["2.50", "null"]}
    send(olaf, TEMPLATES, **form)
    page = olaf.get(f"{TEMPLATES}/odd").text
    assert 'value="2.50"' in page and 'value="null"' in page


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"name": "Bad Name", "key": "limit_w", "value": "1"}, "named by 1 to 32"),
        ({"name": "x"}, "at least one setting"),
        ({"name": "x", "key": "limit_w", "value": "-1"}, "Nothing was kept"),
        ({"name": "x", "key": "no_such", "value": "1"}, "Nothing was kept"),
    ],
)
def test_a_template_that_no_meter_could_take_is_refused(olaf, form, sentence):
    answer = send(olaf, TEMPLATES, **form)
    refused(answer, 400, sentence)
    assert f'name="name" value="{form["name"]}"' in answer.text


def test_meters_are_read_by_the_clock_switched_off_and_removed(site, olaf):
    form = {"name": "morning", "every": "daily 06:00", "tz": "Europe/Berlin", "all": "yes"}
    assert send(olaf, SCHEDULES, **form).status_code == 303
    page = olaf.get(SCHEDULES).text
    path = re.search(rf"{SCHEDULES}/\d+/switch", page)[0]
    assert "morning" in page and "06:00 CE" in page
    assert send(olaf, path).status_code == 303
    with site.read() as conn:
        assert schedules.get(conn, "morning").enabled is False
    assert send(olaf, path, on="yes").status_code == 303
    remove = path.replace("switch", "remove")
    refused(send(olaf, remove), 400, "Tick that it is meant")
    assert send(olaf, remove, sure="yes").status_code == 303
    assert "morning" not in olaf.get(SCHEDULES).text
    assert send(olaf, path).status_code == 404


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"every": "often"}, "is no schedule"),
        ({"tz": "Nowhere/Town"}, "is no time zone"),
        ({"all": ""}, "Choose meters"),
        ({"where": "sit=1", "all": ""}, "At 1"),
        ({"name": " "}, "printable letters"),
    ],
)
def test_a_schedule_that_is_none_is_refused_with_what_was_typed(olaf, change, sentence):
    form = {"name": "n", "every": "daily 06:00", "tz": "UTC", "all": "yes"} | change
    answer = send(olaf, SCHEDULES, **form)
    refused(answer, 400, sentence)
    assert f'value="{form["every"]}"' in answer.text


def _bundle(release=2, board="sim8"):
    files = {"umeter/main.mpy": b"M\x06" + bytes(40)}
    return bundles.make(release, f"1.{release}.0", board, 1, files)


def _add(client, content, name="sim8.zip"):
    return client.post(RELEASES, files={"bundle": (name, content)}, headers=FROM_US)


def test_a_release_is_added_and_brought_a_few_meters_first(site, olaf):
    bundle = _bundle()
    answer = _add(olaf, bundles.packed(bundle))
    path = answer.headers["Location"].partition("?")[0]
    assert path == f"{RELEASES}/{bundle.name}"
    page = olaf.get(path, params={"all": "yes"}).text
    assert page.count(">gets it<") == 2
    action = re.search(rf'action="({path}\?[^"]*)"', page)[1]
    form = fields(page, action)
    answer = send(olaf, action.replace("&amp;", "&"), form)
    rollout = answer.headers["Location"].partition("?")[0]
    for _ in range(3):
        with site.write() as conn:
            rollouts.step(conn, site.clock.now_s())
        for meter in site.meters.values():
            meter.answer()
            meter.end_trial()
    page = olaf.get(rollout).text
    assert "sim8 1.2.0 (2)" in page and ">kept<" in page and ">waiting<" in page
    page = olaf.get(RELEASES).text
    assert "rollout:1" in page and ">kept<" in page
    # Sent once more, the form finds that it is begun.
    assert send(olaf, action.replace("&amp;", "&"), form).status_code == 409


def test_meters_of_another_board_or_that_run_it_are_left_out(site, olaf):
    path = _add(olaf, bundles.packed(_bundle(5, "pico2"))).headers["Location"].partition("?")[0]
    page = olaf.get(path, params={"all": "yes"}).text
    assert "it is a sim8, the release is for pico2" in page
    assert f'action="{path}?' not in page
    refused(olaf.get(path, params={"all": "yes", "pause": "x"}), 400, "whole minutes")
    refused(send(olaf, path), 400, "Choose meters")
    assert olaf.get(f"{RELEASES}/{'0' * 64}").status_code == 404


def test_a_file_that_is_no_bundle_is_refused(olaf):
    refused(_add(olaf, b"PK no zip"), 400, "sim8.zip is no bundle")
    refused(send(olaf, RELEASES), 400, "Choose the bundle")


def test_who_may_only_read_changes_nothing(site):
    ada = site.as_("ada")
    for path in (TEMPLATES, SCHEDULES, RELEASES):
        page = ada.get(path).text
        assert f'action="{path}' not in page
        assert send(ada, path, name="x").status_code == 403

"""A tariff that a rollout brings is what its meters were given, and again not if it goes back."""

import pytest

from desk_kit import ANNA, TARIFF
from rollout_kit import CHANGE, Site
from station_kit import NOW_S
from umeter_station.desk import tariffs, tariffs_rolled
from umeter_station.fleet import rollout_plan
from umeter_station.fleet.waves import Pace

NAMES = [f"m{number}" for number in range(1, 5)]
FLAT = {"price_u_per_kwh": 250_000}
AT_ONCE = Pace(canary="4", healthy_s=0)
BACK = Pace(canary="0", wave="100%")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path, NAMES)


def _save(site, name, document):
    return site.act(tariffs.save, name, document, ANNA, NOW_S)


def _given(site, meter):
    """[(tariff, version, from when, by)], the newest first"""
    with site.db.read() as conn:
        found = tariffs.assignments(conn, meter)
    return [(each.tariff, each.version, each.from_s, each.by) for each in found if each.ch == 0]


def _note(site):
    return site.act(tariffs_rolled.note, site.now_s)


def test_each_meter_has_it_from_when_it_applied_it(site):
    _save(site, "day", {"tariff": TARIFF})
    flat = _save(site, "flat", FLAT)
    pace = Pace(canary="2", wave="1", healthy_s=600, wave_pause_s=60, answer_s=120)
    rollout_id = site.start(tariffs.settings_of(flat), pace)
    site.step()
    first_s = site.now_s
    assert _note(site) == 2 and _note(site) == 0
    assert site.to_the_end(rollout_id).state == "done"
    assert _note(site) == len(NAMES) - 2 and _note(site) == 0
    from_s = [_given(site, meter)[0][2] for meter in NAMES]
    assert from_s.count(first_s) == 2 and len(set(from_s)) > 2
    for meter in NAMES:
        (only,) = _given(site, meter)
        assert only == ("flat", 1, only[2], f"rollout:{rollout_id}")
    with site.db.read() as conn:
        assert tariffs.counts(conn, site.now_s) == {"flat": len(NAMES)}


def test_going_back_gives_again_what_they_had(site):
    day, flat = _save(site, "day", {"tariff": TARIFF}), _save(site, "flat", FLAT)
    for meter in NAMES[1:]:
        site.act(tariffs.assign, meter, 0, day, NOW_S - 900, ANNA, NOW_S - 900)
    rollout_id = site.start(tariffs.settings_of(flat), AT_ONCE)
    assert site.to_the_end(rollout_id).state == "done"
    assert _note(site) == len(NAMES)
    back = site.act(rollout_plan.roll_back, rollout_id, ANNA, site.now_s, BACK)
    assert site.to_the_end(back).state == "done"
    # Of m1 nothing was known before.
    assert _note(site) == len(NAMES) - 1 and _note(site) == 0
    assert [each[0] for each in _given(site, "m2")] == ["day", "flat", "day"]
    assert [each[0] for each in _given(site, "m1")] == ["flat"]


def test_settings_that_are_no_tariff_are_noted_as_none(site):
    _save(site, "flat", FLAT)
    for changes in (CHANGE, {"price_u_per_kwh": 249_999}):
        rollout_id = site.start(changes, AT_ONCE)
        assert site.to_the_end(rollout_id).state == "done"
        back = site.act(rollout_plan.roll_back, rollout_id, ANNA, site.now_s, BACK)
        assert site.to_the_end(back).state == "done"
    assert _note(site) == 0
    assert all(_given(site, meter) == [] for meter in NAMES)


def test_it_is_not_looked_for_for_ever(site):
    flat = _save(site, "flat", FLAT)
    site.to_the_end(site.start(tariffs.settings_of(flat), AT_ONCE))
    site.now_s += 11 * 86_400
    assert _note(site) == 0

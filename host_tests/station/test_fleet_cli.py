"""`umeter-station fleet`, as an operator types it."""

import pytest

from cli_kit import clocked_home, run, told
from fleet_kit import fleet, hurried
from station_kit import NOW_S, new_database
from umeter_station import cli_fleet, cli_fleet_rollout
from umeter_station.fleet import rollouts, schedules
from umeter_station.people import approvals

QUICK = ("--healthy", 0, "--pause", 0, "--wave", "100%", "--yes")


@pytest.fixture
def home(tmp_path):
    return clocked_home(tmp_path)


@pytest.fixture
def meters(home, monkeypatch):
    """They answer while the command waits."""
    db = hurried(new_database(home, "m1", "m2", "m3"))
    found = fleet(db, ["m1", "m2", "m3"])

    def sleep(_seconds):
        assert sum(meter.answer() for meter in found.values()), "it waits in vain"

    monkeypatch.setattr(cli_fleet.time, "sleep", sleep)
    monkeypatch.setattr(cli_fleet_rollout.time, "sleep", sleep)
    return found


def test_reading_many(home, meters):
    lines = told(home, "fleet", "read", "--where", "presence=online")
    assert lines[-1] == (
        "3 answered, 0 not; half within 0 s, 95 % within 0 s, the slowest after 0 s."
    )
    assert "m2 applied 0 s" in lines
    assert any(line.startswith("1 2027-01-15") for line in told(home, "fleet", "read-log"))
    refused = run(home, "fleet", "read")
    assert refused.exit_code == 1 and "Choose meters by their names" in refused.stderr
    refused = run(home, "fleet", "read", "--where", "price > 3")
    assert refused.exit_code == 1 and refused.stderr.startswith("At 1: 'price' is not known;")


def test_choosing_and_labels(home, meters):
    assert told(home, "fleet", "label", "floor=3", "m1", "m3")[-1] == "2 meters have floor=3."
    lines = told(home, "fleet", "list", "--where", "label.floor=3 and not meter=m1")
    assert lines[-1] == "1 meters." and any("floor=3" in line for line in lines)
    assert any("reading_age" in line for line in told(home, "fleet", "names"))


def test_setting_many_and_going_back(home, meters):
    change = ("fleet", "set", "limit_w=3000", "--all")
    lines = told(home, *change, "--dry-run")
    assert "limit_w 0 3000 3" in lines
    assert lines[-1] == (
        "3 meters, 0 of them away, 0 would refuse it; 0 channels would be cut off."
    )
    assert "limit_w" not in meters["m1"].told
    assert told(home, *change, *QUICK)[-1] == "Rollout 1 is done."
    assert meters["m3"].told["limit_w"] == 3000
    lines = told(home, "fleet", "rollout", "show", 1, "--keys")
    assert "m2 limit_w 0 3000 applied 0 s" in lines
    assert any("started" in line for line in lines)
    assert told(home, "fleet", "rollout", "back", 1)[-1] == "Rollout 2 is done."
    assert meters["m3"].told["limit_w"] == 0
    lines = told(home, "fleet", "rollout", "list")
    assert any(line.startswith("2 back from 1") for line in lines)


def test_a_template(home, meters):
    assert told(home, "fleet", "template", "add", "flats", "report_s=30")[-1] == (
        "Kept as flats v1."
    )
    told(home, "fleet", "template", "add", "flats", "report_s=20", "--note", "quicker")
    assert "report_s 30" in told(home, "fleet", "template", "show", "flats@1")
    assert told(home, "fleet", "set", "--template", "flats", "-m", "m1", *QUICK)[-1] == (
        "Rollout 1 is done."
    )
    assert meters["m1"].told == {"report_s": 20}
    bad = run(home, "fleet", "template", "add", "flats", "report_s=1")
    assert bad.exit_code == 1 and "Nothing was kept" in bad.stderr


def test_stopping_pausing_aborting(home, meters):
    meters["m1"].refuses = meters["m2"].refuses = meters["m3"].refuses = {"limit_w": "too much"}
    stopped = run(home, "fleet", "set", "limit_w=3000", "--all", *QUICK)
    assert stopped.exit_code == 1
    assert stopped.stdout.rstrip().endswith("Rollout 1 is stopped: 1 of 1 meters failed.")
    refused = run(home, "fleet", "rollout", "resume", 1)
    assert refused.exit_code == 1 and "1000 per mille" in refused.stderr
    assert told(home, "fleet", "rollout", "resume", 1, "--failing", 100)[-1] == (
        "Rollout 1 is running."
    )
    assert told(home, "fleet", "rollout", "pause", 1)[-1] == "Rollout 1 is paused."
    assert told(home, "fleet", "rollout", "abort", 1)[-1] == "Rollout 1 is aborted."


def test_schedules(home, meters):
    lines = told(
        home, "fleet", "schedule", "add", "morning", "daily 06:00", "--all", "--tz", "Asia/Tokyo"
    )
    assert lines[-1].startswith("morning comes first at") and lines[-1].endswith("06:00 JST.")
    with meters["m1"].db.write() as conn:
        schedules.run(conn, NOW_S + 3 * 86_400)
    lines = told(home, "fleet", "schedule", "list")
    assert any("runs before this one were not made" in line for line in lines)
    told(home, "fleet", "schedule", "off", "morning")
    assert any(" off " in line for line in told(home, "fleet", "schedule", "list"))
    told(home, "fleet", "schedule", "remove", "morning")
    assert run(home, "fleet", "schedule", "remove", "morning").exit_code == 1


def test_a_price_that_takes_two_people_is_not_set_past_them(home, meters):
    db = meters["m1"].db
    with db.write() as conn:
        approvals.switch(conn, "tariff", True, "operator:owner", NOW_S)
    past = run(home, "set", "m1", "price_u_per_kwh=300000", "--yes")
    assert past.exit_code == 1 and "fleet set" in past.stderr
    waits = run(home, "fleet", "set", "price_u_per_kwh=300000", "-m", "m1", *QUICK)
    assert waits.exit_code == 1 and "Rollout 1 is asked" in waits.stdout
    with db.write() as conn:
        approvals.decide(conn, 1, "operator:berta", True, NOW_S)
        rollouts.step(conn, NOW_S)
    assert told(home, "fleet", "rollout", "watch", 1)[-1] == "Rollout 1 is done."
    assert meters["m1"].told["price_u_per_kwh"] == 300_000

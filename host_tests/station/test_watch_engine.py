"""The engine over what meters have reported: readings, events and profiles in the database."""

import json

import pytest

from log_kit import interval_raw
from station_kit import NOW_S, new_database, reading, store, uplink
from umeter_station import models
from umeter_station.models import intervals
from umeter_station.people import sites
from umeter_station.watch import engine, findings, load, traffic
from umeter_station.watch.catalog import BY_ID
from umeter_station.watch.recent import Recent
from umeter_station.watch.settle import Verdict, settle
from umeter_station.watch.window import Sighting

DAY_S = 86_400
REPORT_S = 60


def report(db, minute, meter="m1", event=0, **columns):
    """The reading of that minute; three channels, of which 2 draws 600 W."""
    made = {
        "energy_wh": [5, 10 * minute, 5],
        "power_dw": [0, 6000, 0],
        "voltage_dv": [2300] * 3,
        "current_ma": [0, 2700, 0],
        "contact": [1] * 3,
        "age_s": [1] * 3,
        **columns,
    }
    at_s = NOW_S + REPORT_S * minute
    document = reading(seq=minute + 1, t=at_s, channels=3, **made)
    store(db, uplink("reading", document, meter), now_s=at_s)


def tell(db, code, minute, n=1, ch=0, meter="m1", t=None, **more):
    at_s = NOW_S + REPORT_S * minute
    document = {"n": n, "boot": 1, "t": at_s if t is None else t, "code": code, "ch": ch, **more}
    store(db, uplink("event", document, meter), now_s=at_s)


def look(db, minute, recent=None):
    """One run of the engine, at that minute."""
    now_s = NOW_S + REPORT_S * minute + 5
    with db.write() as conn:
        if recent is None:
            return engine.run_once(conn, now_s)
        return engine.write(conn, engine.look_at(conn, now_s, recent))


def found(db, **wishes):
    """{(meter, rule, ch): finding} of what is not closed."""
    with db.read() as conn:
        listed = findings.list_(conn, **{"state": "current", **wishes})
    return {(f.meter, f.rule, f.ch): f for f in listed}


def test_a_calm_meter_has_no_findings(any_db):
    recent = Recent()
    for minute in range(50):
        report(any_db, minute)
        assert look(any_db, minute, recent).opened == 0
    assert len(recent.readings("m1")) < 25


def test_a_stuck_register_is_found_and_ends(db):
    recent = Recent()
    for minute in range(40):
        report(db, minute, energy_wh=[5, 70, 5])
        look(db, minute, recent)
    key = ("m1", "A08", 2)
    assert set(found(db)) == {key}
    assert found(db)[key].since_s == NOW_S
    for minute in range(40, 500, 20):
        report(db, minute, energy_wh=[5, 70 + minute, 5])
        look(db, minute, recent)
    assert key not in found(db)


def test_a_new_process_sees_the_same(db):
    for minute in range(40):
        report(db, minute, energy_wh=[5, 70, 5])
    look(db, 39)
    assert set(found(db)) == {("m1", "A08", 2)}


def test_silence_explains_what_else_is_late(db):
    for minute in range(3):
        report(db, minute)
    look(db, 3)
    with db.write() as conn:
        findings.note(conn, "A20", "m1", 0, {}, "warn", NOW_S)
    outcome = look(db, 10)
    assert (outcome.opened, outcome.explained) == (1, 1)
    seen = found(db)
    assert seen["m1", "A20", 0].cause_id == seen["m1", "A02", 0].id
    with db.write() as conn:
        findings.close(conn, seen["m1", "A02", 0].id, "operator:anna", NOW_S + 700)
    look(db, 12)
    assert found(db).get(("m1", "A20", 0)) is None or found(db)["m1", "A20", 0].cause_id is None


def test_events_are_judged_when_they_come(db):
    recent = Recent()
    for minute in range(5):
        report(db, minute)
        look(db, minute, recent)
    # Of hours ago, by the meter's clock; and one whose clock was not set.
    tell(db, "cover.open", 5, n=1, t=NOW_S - 7000)
    tell(db, "contact.welded", 5, n=2, ch=3, t=0, a=20, b=230)
    look(db, 6, recent)
    seen = found(db)
    assert set(seen) == {("m1", "A17", 0), ("m1", "A06", 3)}
    assert seen["m1", "A17", 0].since_s == NOW_S - 7000
    assert seen["m1", "A06", 3].since_s == NOW_S + 300


def test_tampering_stays_until_somebody_knows(db):
    recent = Recent()
    report(db, 0)
    look(db, 0, recent)
    tell(db, "cover.open", 1)
    for minute in (1, 500, 1000):
        report(db, minute)
        look(db, minute, recent)
    number = found(db)["m1", "A17", 0].id
    with db.write() as conn:
        findings.acknowledge(conn, number, "operator:anna", NOW_S + 1001 * 60)
    report(db, 1001)
    look(db, 1001, recent)
    assert ("m1", "A17", 0) not in found(db)


def test_a_house_is_silent(tmp_path):
    db = new_database(tmp_path, "m1", "m2", "m3", "m4")
    with db.write() as conn:
        site = sites.add(conn, "North", "", "system", NOW_S)
        for meter in ("m1", "m2", "m3"):
            sites.put_meter(conn, site.id, meter, "system", NOW_S)
    for meter in ("m1", "m2", "m3", "m4"):
        report(db, 0, meter)
    report(db, 9, "m3")
    look(db, 10)
    seen = found(db)
    house = seen["", "A02", 0]
    assert (house.site, house.severity, house.evidence) == (
        "North",
        "critical",
        {"silent": 2, "meters": 3},
    )
    causes = {meter: seen[meter, "A02", 0].cause_id for meter in ("m1", "m2", "m4")}
    assert causes == {"m1": house.id, "m2": house.id, "m4": None}
    for minute in range(11, 30):
        for meter in ("m1", "m2", "m3", "m4"):
            report(db, minute, meter)
        look(db, minute)
    assert not found(db)
    db.close()


def put_intervals(db, rows, end_s, settings=None, received_s=None):
    """`rows`: Wh of three channels, each quarter of an hour, the last of which ends at `end_s`."""
    first = end_s - 900 * (len(rows) - 1)
    with db.write() as conn:
        for at, wh in enumerate(rows):
            t_end = first + 900 * at
            n = t_end // 900 - 1_900_000
            values = {f"wh_{ch}": wh[ch - 1] if ch <= len(wh) else 0 for ch in range(1, 9)}
            raw = interval_raw(n)
            more = {"minutes": 15, "flags": 0, "quarantined": 0, "estimated": 0}
            conn.execute(
                intervals.insert().values(
                    meter="m1",
                    n=n,
                    raw=raw,
                    t_end=t_end,
                    received_at=received_s or t_end + 60,
                    **more,
                    **values,
                )
            )
    store(db, uplink("settings", {"version": 1, "inlet_ch": 1, **(settings or {})}))


def test_what_is_not_metered_is_found_in_the_profile(db):
    report(db, 0)
    put_intervals(db, [[200, 60, 60]] * 8, NOW_S - NOW_S % 900)
    for minute in range(0, 65):
        report(db, minute)
        look(db, minute) if minute % 8 == 0 else None
    assert ("m1", "A03", 0) in found(db)


def test_a_profile_that_was_pulled_late_is_judged_too(db):
    for minute in range(0, 70, 10):
        report(db, minute)
        look(db, minute)
    end_s = NOW_S - NOW_S % 900 - 3600
    put_intervals(db, [[200, 60, 60]] * 8, end_s, received_s=NOW_S + 70 * 60)
    for minute in range(70, 150, 10):
        report(db, minute)
        look(db, minute)
    assert ("m1", "A03", 0) in found(db)


def test_each_meters_profile_has_its_turn_once_in_its_pace(tmp_path):
    names = [f"m{number}" for number in range(10)]
    db = new_database(tmp_path, *names)
    for name in names:
        report(db, 0, name)
    turns = []
    for minute in range(0, 120, 10):
        with db.write() as conn:
            seen = engine.look_at(conn, NOW_S + 60 * minute + 5, Recent())
            engine.write(conn, seen)
        turns += seen.hourly
    assert all(2 <= turns.count(name) <= 3 for name in names)
    db.close()


def test_what_is_sent_in_vain(any_db):
    report(any_db, 0)
    with any_db.write() as conn:
        traffic.add(conn, {"m1": (15, 0), "m2": (0, 1)}, NOW_S)
        traffic.add(conn, {"m1": (5, 3)}, NOW_S + 10)
        assert traffic.lately(conn, NOW_S + 20) == {"m1": 23, "m2": 1}
    look(any_db, 1)
    assert ("m1", "A22", 0) in found(any_db)
    with any_db.write() as conn:
        traffic.sweep(conn, NOW_S + 8 * DAY_S)
        assert traffic.lately(conn, NOW_S + 20) == {}


def test_a_retired_meter_has_nothing_wrong(db):
    report(db, 0)
    look(db, 10)
    assert found(db)
    with db.write() as conn:
        conn.execute(models.meters.update().values(retired_at=NOW_S + 700))
    look(db, 12)
    assert not found(db)


def test_a_look_that_was_overtaken_writes_nothing(db):
    report(db, 0)
    with db.read() as conn:
        late = engine.look_at(conn, NOW_S + 600, Recent())
    look(db, 11)
    before = found(db)
    with db.write() as conn:
        assert engine.write(conn, late).open == 0
    assert found(db) == before


def test_settings_are_read_with_care():
    told = {"report_s": 900, "inlet_ch": 9, "limit_w": 3000, "ch.2.limit_w": 0, "profile_min": "x"}
    made = load.setup(json.dumps(told), 3)
    assert (made.report_s, made.inlet_ch, made.profile_min) == (900, 0, 15)
    assert made.limit_w == (3000, 25_000, 3000)
    assert load.setup("{}", 0).channels == 8


@pytest.mark.parametrize("channels", [1, 12])
def test_boards_of_any_size(db, channels):
    names = ["energy_wh", "power_dw", "voltage_dv", "current_ma", "contact", "age_s"]
    for minute in range(3):
        columns = {name: [1] * channels for name in names}
        at_s = NOW_S + 60 * minute
        store(
            db,
            uplink("reading", reading(seq=minute, t=at_s, channels=channels, **columns)),
            now_s=at_s,
        )
    put_intervals(db, [[1, 1, 1]] * 3, NOW_S - NOW_S % 900)
    assert look(db, 3).opened == 0


@pytest.mark.parametrize("first", [True, False])
def test_a_rule_that_looks_twice_at_once_has_one_opinion(db, first):
    """A03 looks at each interval, and more rarely at how they add up."""
    rule, seen = BY_ID["A03"], (Sighting(0, NOW_S, {"lost_wh": 700}),)
    for days in range(12):
        looks = [Verdict("m1", rule, seen), Verdict("m1", rule, ())]
        with db.write() as conn:
            settle(conn, looks if first else looks[::-1], NOW_S + days * DAY_S)
    assert list(found(db)) == [("m1", "A03", 0)] and not found(db, state="closed")
    for days in range(12, 24):
        with db.write() as conn:
            settle(conn, [Verdict("m1", rule, ())] * 2, NOW_S + days * DAY_S)
    assert found(db) == {} and len(found(db, state="closed")) == 1

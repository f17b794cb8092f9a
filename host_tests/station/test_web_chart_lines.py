"""Charts' lines, and the marks of what happened."""

from datetime import UTC

import pytest

from chart_kit import BERLIN, DAY_S, drawn, put, quarters, report
from station_kit import NOW_S, new_database, reading, store, uplink
from umeter_station.models import events
from umeter_station.web.charts import figures, lines
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.figures import Asked


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path, "m1", "m2")
    yield db
    db.close()


def test_a_line_is_thinned_keeps_its_peaks_and_breaks_where_nothing_was_said(db):
    from_s = NOW_S - 2 * DAY_S
    with db.write() as conn:
        report(conn, report_s=60)
    for i in range(0, 2880, 4):
        if not 400 <= i < 800:
            told = reading(1, i + 1, t=from_s + 60 * i, power_dw=[5_000 if i == 1000 else 100, 0])
            store(db, uplink("reading", told), now_s=from_s + 60 * i)
    with db.write() as conn:
        report(conn, report_s=240)
        data = drawn(conn, from_s, NOW_S, kind="power")
        late = drawn(conn, from_s, NOW_S, kind="power", since_s=NOW_S - DAY_S)
    assert len(data["t"]) <= lines.POINTS + 1
    assert data["value"].count(None) == 1 and max(v for v in data["high"] if v) == 5_000
    gap_s = data["t"][data["value"].index(None)]
    assert from_s + 396 * 60 < gap_s < from_s + 800 * 60
    assert late["t"][0] >= NOW_S - DAY_S


@pytest.mark.parametrize("pace_s", [(900, 5), (5, 900)])
def test_a_line_goes_on_when_the_meter_reports_at_another_pace(db, pace_s):
    from_s = NOW_S - DAY_S
    at_s = [from_s + pace_s[0] * i for i in range(20)]
    at_s += [at_s[-1] + pace_s[1] * (i + 1) for i in range(20)]
    with db.write() as conn:
        report(conn, report_s=5)
    for i, at in enumerate(at_s):
        store(db, uplink("reading", reading(1, i + 1, t=at, power_dw=[100, 0])), now_s=at)
    with db.read() as conn:
        data = drawn(conn, from_s, NOW_S, kind="power")
    assert set(data["value"]) == {100} and len(data["t"]) > 20


def test_power_of_a_long_time_is_the_profiles(db):
    with db.write() as conn:
        put(conn, quarters(NOW_S // 900 * 900 - 30 * DAY_S, 96, 250))
        data = drawn(conn, NOW_S - 31 * DAY_S, NOW_S, UTC, kind="power")
    known = [v for v in data["value"] if v is not None]
    assert set(known) == {10_000}  # 250 Wh in a quarter of an hour are 1 kW


def test_what_happened_is_marked(db):
    from_s = NOW_S - DAY_S
    codes = [
        (from_s + 100, "contact.open", 1, 2),
        (from_s + 400, "contact.close", 1, 0),
        (from_s + 500, "contact.open", 2, 2),
        (0, "contact.open", 1, 16),
        (from_s + 5000, "power.cut", 0, 600),
    ]
    with db.write() as conn:
        conn.execute(
            events.insert(),
            [
                {"meter": "m1", "n": n, "boot": 1, "b": 0, "received_at": from_s + 1000}
                | dict(zip(("t", "code", "ch", "a"), row, strict=True))
                for n, row in enumerate(codes, start=1)
            ],
        )
        marks = drawn(conn, from_s, NOW_S)["marks"]
        told = figures.figure(conn, Asked((Source("m1", 1),), from_s, NOW_S), BERLIN, NOW_S)
    found = [
        (kind, at_s - from_s, until_s and until_s - from_s, marks["texts"][text])
        for kind, at_s, until_s, text in zip(
            marks["kind"], marks["t"], marks["until"], marks["text"], strict=True
        )
    ]
    assert found == [
        ("cut", 100, 400, "Cut: the credit is used up"),
        ("cut", 1000, None, "Cut: more power than is allowed"),
        ("dark", 4400, 5000, "No mains power"),
    ]
    assert told.summary == "There is no data for this time."
    assert told.rows[0].texts == ("no data", "")

"""Many meters at once through a real Mosquitto: all is stored once, and acknowledged then."""

import pytest
import sqlalchemy as sa

from ingest_kit import until
from umeter_sim import traffic
from umeter_sim.ingest_rig import CLIENT, Rig
from umeter_sim.ingest_workers import Storing, Worker
from umeter_sim.mosquitto import installed
from umeter_station import db as databases
from umeter_station import messages
from umeter_station.models import commands

METERS = 300
READINGS = 3_000

pytestmark = pytest.mark.skipif(not installed(), reason="Mosquitto is not installed here")


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path, METERS)
    yield rig
    rig.close()


def _ingest(rig):
    return Worker(Storing, rig.url, CLIENT, rig.path, 100)


def _check_each_once(rig):
    assert (rig.stored.value, rig.left_over()) == (READINGS, 0)
    db = databases.open_database(rig.path)
    with db.read() as conn:
        numbers = conn.exec_driver_sql("SELECT meter, seq FROM readings").all()
        assert conn.execute(sa.select(sa.func.count()).select_from(commands)).scalar() == 0
        counters = databases.read_counters(conn)
    db.close()
    each = READINGS // METERS
    assert set(numbers) == {
        (traffic.name(meter), 1 + n) for meter in range(METERS) for n in range(each)
    }
    assert counters["reading.stored"] == READINGS
    return counters


def test_all_is_stored_and_acknowledged(rig):
    ingest = _ingest(rig)
    rig.send(METERS, READINGS, None)
    rig.sent()
    until(lambda: rig.stored.value == READINGS)
    ingest.close()
    assert _check_each_once(rig) == {"reading.stored": READINGS}


def test_what_was_not_acknowledged_when_it_was_killed_comes_again(rig):
    ingest = _ingest(rig)
    rig.send(METERS, READINGS, None)
    for part in (0.1, 0.4, 0.7):
        until(lambda part=part: rig.stored.value > part * READINGS)
        ingest.kill()
        ingest = _ingest(rig)
    rig.sent()
    until(lambda: rig.stored.value == READINGS)
    ingest.close()
    _check_each_once(rig)


@pytest.mark.parametrize("number", [0, 1, 63, 64, 99_999])
def test_what_is_sent_is_what_a_meter_says(number):
    made = [
        messages.reading(messages.parse_json(traffic.payload(number, seq, 1_800_000_000, 7, 9)))
        for seq in (0, 1, 2)
    ]
    assert [(r.boot, r.seq, r.event, r.interval) for r in made] == [(1, n, 7, 9) for n in range(3)]
    assert all(r.count == 8 and r.is_balanced for r in made)
    assert made[0].credited_u == made[2].credited_u
    assert all(a <= b for a, b in zip(made[0].charged_u, made[1].charged_u, strict=True))

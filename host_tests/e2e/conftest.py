"""A broker, a meter that follows a script, and a station that has taken it in."""

import pytest

from ingest_kit import TIMEOUT_S, until
from scripted_meter import ScriptedMeter
from station_kit import KEY
from umeter_sim.mosquitto import any_broker
from umeter_station.station import Station


@pytest.fixture
def broker():
    """Mosquitto where it is installed, else the embedded broker."""
    broker = any_broker()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def meter(broker, request):
    """One that the station, if the test has one, knows to be there: what it is sold before that is
    sent once more when it is."""
    station = request.getfixturevalue("station") if "station" in request.fixturenames else None
    meter = ScriptedMeter(broker)
    assert meter.ready.wait(TIMEOUT_S)
    if station is not None:
        until(lambda: station.meter("m1").presence == "online")
    yield meter
    meter.stop()


@pytest.fixture
def station(broker, tmp_path):
    station = Station(tmp_path / "home", broker.url)
    station.add_meter("m1", KEY)
    assert station.start(connect_timeout_s=TIMEOUT_S)
    yield station
    station.close()

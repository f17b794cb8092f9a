"""Everything that networks and brokers do to a link, on both interpreters: no late tick, the sale
made in the midst of it comes through once, nothing else changes.
"""

import pytest

from thoroughness import one_in
from umeter_sim.link_bench import rounds
from umeter_sim.link_faults import (
    FAULTS,
    bearable,
    broker_restarted,
    half_open,
    oversize,
    strange_topics,
)
from umeter_sim.link_scene import LinkScene


@pytest.fixture(scope="module", params=one_in(2, ["micropython", "cpython"]))
def scene(request, tmp_path_factory):
    # A name, not an address: that it is resolved is a wait of its own.
    folder = tmp_path_factory.mktemp("scene")
    with LinkScene(folder, request.param, host="localhost", loads=[5000] * 8) as scene:
        scene.settle()
        yield scene


@pytest.mark.parametrize("name", one_in(2, FAULTS))
def test_lived_through(name, scene):
    if FAULTS[name] not in bearable():
        pytest.skip("the embedded broker takes no second connection of a client; needs Mosquitto")
    assert scene.survives(FAULTS[name]) == []
    assert scene.station.reconcile() == []


@pytest.mark.slow
def test_the_heap_returns_to_its_level(tmp_path):
    with LinkScene(tmp_path, "micropython", host="localhost", loads=[5000] * 8) as scene:
        scene.settle()
        some = (half_open, broker_restarted, strange_topics, oversize)
        faults = [fault for fault in some if fault in bearable()]
        assert rounds(scene, faults)[1] == 0

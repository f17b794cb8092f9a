"""Updates of a board that meters, from the station over a real broker: a release that does well is
kept, one that does not gives way by itself, and the energy is right over all of it.
"""

import json
import shutil
import time

import pytest

from umeter_deploy import bundle_build, files
from umeter_sim.build import build_firmware
from umeter_sim.paths import BOARDS, FIRMWARE
from umeter_sim.scene import METER, Scene, wait_until

BOARD = files.read(BOARDS / "sim8" / "board.json")
SPEED = 20
TRIAL_SPEED = 60
TIMEOUT_S = 90
MOST_MISSED_WH = 1  # between two readings of a PZEM, whose register counts watt-hours
FETCHING_HEAP = 4096


def bundle_of(folder, number=2, **edits):
    """This firmware as another release; edits: what a module of it has at its end."""
    source = folder / f"source{number}"
    shutil.copytree(FIRMWARE, source, ignore=shutil.ignore_patterns("__pycache__"))
    init = source / "umeter" / "__init__.py"
    init.write_text(init.read_text().replace("RELEASE = 1 ", f"RELEASE = {number} "))
    for name, more in edits.items():
        path = source / "umeter" / (name.replace(".", "/") + ".py")
        path.write_text(path.read_text() + "\n" + more + "\n")
    made = folder / f"mpy{number}"
    shutil.copytree(build_firmware().folder, made)  # only what is edited is compiled anew
    return bundle_build.build(BOARD, source, build_firmware(source, made).folder)


@pytest.fixture
def scene(tmp_path):
    with Scene(tmp_path / "scene", speed=SPEED) as scene:
        scene.sim.start()
        wait_until(lambda: scene.station.latest_reading(METER), "the first reading")
        for ch in (1, 2):
            scene.sell(ch, 5_000_000)
        yield scene


def updated(scene, bundle, timeout_s=TIMEOUT_S):
    """Bring it, and wait until the update has come to an end."""
    station = scene.station
    station.start_update(METER, station.add_bundle(bundle), "test")
    states = []

    def ended():
        update = station.update(METER)
        if not states or states[-1] != update.state:
            states.append(update.state)
            scene.sim.set_speed(TRIAL_SPEED if update.state == "trial" else SPEED)
        return None if update.is_open else update

    return wait_until(ended, "the end of the update", timeout_s), states


def status(scene):
    return json.loads(scene.station.meter(METER).status)


def told(scene):
    return [(e["code"], e["a"], e["b"]) for e in scene.station.events(METER, 50)]


def check_energy(scene):
    """What is booked is what the loads drew through closed contacts."""
    time.sleep(0.5)
    scene.sim.pause()
    truth, meter = scene.truth(), scene.meter()
    for drawn, booked in zip(truth["channels"], meter["channels"], strict=True):
        assert abs(drawn["wh"] - booked["wh"]) <= MOST_MISSED_WH
        assert booked["balance_u"] == booked["credited_total_u"] - booked["charged_total_u"]
    assert meter["channels"][0]["wh"] > 0
    scene.sim.resume()


@pytest.mark.slow
def test_a_release_is_brought_tried_and_kept(scene, tmp_path):
    made = bundle_of(tmp_path, **{"core.watch": "def more():\n    return b'" + "x" * 2000 + "'"})
    before = scene.sim.ask("heap")
    peak = 0
    station = scene.station
    station.start_update(METER, station.add_bundle(made), "test")
    while station.update(METER).state in ("offered", "fetching"):
        peak = max(peak, scene.sim.ask("heap")["alloc"])
        assert scene.meter()["worst_gap_ms"] <= 150
    update = wait_until(
        lambda: None if (u := station.update(METER)).is_open else u, "its end", TIMEOUT_S
    )
    assert update.state == "kept", update.sentence
    assert peak - before["alloc"] < FETCHING_HEAP
    known = wait_until(lambda: s if (s := status(scene))["release"] == 2 else None, "status")
    assert known["digest"] == made.software
    assert [code for code, _, _ in told(scene) if code.startswith("update.")] == [
        "update.begun",
        "update.switched",
        "update.kept",
    ]
    assert scene.sim.ask("eval", expression='open("slot").read()')["value"] == "b good"
    check_energy(scene)
    # What was bought before, and what is bought now, is there; and the way back is open.
    scene.sell(1, 1_000_000)
    assert scene.channel(1)["credited_total_u"] == 6_000_000
    update, _ = updated(scene, bundle_of(tmp_path, 3))
    assert update.state == "kept"
    assert scene.sim.ask("eval", expression='open("slot").read()')["value"] == "a good"


def slow(**edits):
    return pytest.param(edits, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "edits",
    [
        slow(app="raise RuntimeError('at import')"),
        slow(
            app="def _crashes(self):\n    if self.meter.up_s > 60:\n"
            "        raise RuntimeError('after a minute')\n    _step(self)\n"
            "_step = App.step\nApp.step = _crashes"
        ),
        slow(
            app="def _starves(self):\n    while self.meter.up_s > 90:\n"
            "        self._clock.sleep_ms(100)\n    _step(self)\n"
            "_step = App.step\nApp.step = _starves"
        ),
        slow(
            **{
                "net.session": "def _nowhere(self):\n    raise OSError('no broker')\n"
                "Session._connect = _nowhere"
            }
        ),
    ],
    ids=["at import", "after a minute", "starves the tick", "never reaches the broker"],
)
def test_a_release_that_does_not_do_well_gives_way(scene, tmp_path, edits):
    update, states = updated(scene, bundle_of(tmp_path, **edits))
    assert update.state == "back" and "trial" in states
    assert ("update.back", 1, 2) in told(scene)
    assert wait_until(lambda: status(scene)["release"] == 1, "the old release")
    check_energy(scene)
    assert updated(scene, bundle_of(tmp_path, 3))[0].state == "kept"


@pytest.mark.slow
def test_power_cuts_while_it_is_brought_only_cost_time(scene, tmp_path):
    made = bundle_of(tmp_path, **{"core.watch": "def more():\n    return b'" + "x" * 9000 + "'"})
    station = scene.station
    station.start_update(METER, station.add_bundle(made), "test")
    for _ in range(3):
        time.sleep(0.5)
        scene.sim.power_cut()
        scene.sim.power_on(after_ms=2000)
    update = wait_until(
        lambda: None if (u := station.update(METER)).is_open else u, "its end", TIMEOUT_S
    )
    # A cut in the trial ends it; then it is asked for once more, and all is there.
    if update.state == "back":
        update, _ = updated(scene, made)
    assert update.state == "kept"
    check_energy(scene)

"""Three days without a station, on CPython; the sixty on MicroPython are the bench's."""

import gc
import sys
import types

import pytest

from ingest_kit import ingest_process, until
from umeter_sim.board_api import BoardError, open_board
from umeter_sim.lone_site import lone_site
from umeter_sim.outage import Outage
from umeter_sim.scene import METER
from umeter_sim.soak_rings import ring_figures

_DAYS = 3
_INTERVALS = _DAYS * 96
_OFF_MS = 20 * 60_000


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The outage, over: the station and the board have yet to hear of each other."""
    with Outage(tmp_path_factory.mktemp("outage"), _DAYS, runtime="cpython") as outage:
        outage.serve()
        outage.be_alone()
        outage.scene.station.stop()
        yield outage


def _pulled(outage):
    return sum(outage.pulled())


def test_all_of_it_arrives_though_ingest_is_killed_and_the_board_loses_power(alone):
    """One story: the station that dies, the board that loses power, and what is there then."""
    outage, sim = alone, alone.come_back()
    assert outage.missing_intervals() >= _INTERVALS - 1
    assert outage.missing_events() > 100
    everything = _INTERVALS + len(outage.events)
    sim.start()
    interrupted = 0
    for share in (8, 3):
        with ingest_process(outage.scene.home) as process:
            until(lambda wanted=everything // share: _pulled(outage) >= wanted)
            process.kill()
        interrupted += 0 < _pulled(outage) < everything
        sim.power_cut()
        sim.power_on(after_ms=_OFF_MS)
    assert interrupted
    outage.scene.station.start(connect_timeout_s=60)
    until(outage.is_complete)
    assert outage.missing_intervals() == outage.missing_events() == 0
    assert outage.wrong_balances() == []
    station = outage.scene.station
    assert station.findings(METER, "profile") == station.findings(METER, "events") == []
    assert station.verify_audit(METER).is_sound
    assert sim.ask("meter")["worst_gap_ms"] <= 150


def test_what_the_station_lacks_or_has_otherwise_is_counted(alone):
    """The judge itself: another truth is told from what was pulled."""
    outage = alone
    t_end, units = max(outage.lone.drawn.items())
    outage.lone.drawn[t_end] = [*units[:7], units[7] + 36_000_000]
    assert outage.missing_intervals() == 1
    outage.lone.drawn[t_end] = units
    outage.lone.moves.append((t_end, 1, True))
    assert outage.missing_events() == 1
    outage.lone.moves.pop()
    outage.events[1_000_000] = b""
    assert outage.missing_events() == 1
    del outage.events[1_000_000]
    assert outage.missing_intervals() == outage.missing_events() == 0


def test_orders_that_pull_everything_leave_nothing_in_memory(alone):
    """By the objects that the firmware still reaches, which no collector has to guess."""
    lone = alone.lone
    lone.orders = 100_000  # beyond the station's own
    figures = ring_figures(lone)
    assert figures["audit_records"] > 100 and figures["profile_days"] == _DAYS
    before = _reached(lone.app)
    assert before > 10_000
    assert ring_figures(lone) == figures
    # Some numbers have grown; of the answers, a thousand bytes and more each, there is nothing.
    assert _reached(lone.app) - before < 1000


def _reached(app):
    """Bytes of the firmware's objects, and of what they hold; the simulator's are not its own."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)
    seen, todo = {}, [app]
    while todo:
        one = todo.pop()
        home = type(one).__module__
        if id(one) in seen or isinstance(one, code):
            continue
        if home in ("builtins", "collections") or home.split(".")[0] in ("umeter", "umqtt"):
            seen[id(one)] = sys.getsizeof(one)
            todo += gc.get_referents(one)
    return sum(seen.values())


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
def test_a_board_wakes_up_with_the_past_it_is_given(tmp_path, runtime):
    site = lone_site("m1")
    with open_board(
        site=site, workdir=tmp_path / "a", runtime="cpython", loads=[50_000] * 8
    ) as sim:
        sim.run_for(180_000)
        flash = {label: sim.flash(label) for label in ("journal", "log")}
        before = sim.ask("truth")["channels"]
        told = sim.ask("meter")
    drawn = [true["wh"] * 36_000_000 + true["residual"] for true in before]
    given = {"site": site, "workdir": tmp_path / "b", "runtime": runtime, "loads": [0] * 8}
    with open_board(**given, flash=flash, drawn=drawn) as sim:
        sim.run_for(10_000)
        assert [true["wh"] for true in sim.ask("truth")["channels"]] == [t["wh"] for t in before]
        meter = sim.ask("meter")
        assert meter["boot"] == told["boot"] + 1
        for now, then in zip(meter["channels"], told["channels"], strict=True):
            assert abs(now["wh"] - then["wh"]) <= 1
        sim.reset()
        assert sim.ask("meter")["boot"] == told["boot"] + 2


def test_flash_of_another_size_is_refused(tmp_path):
    site = lone_site("m1")
    with pytest.raises(BoardError, match="journal has 262144 bytes of flash, 3 are given"):
        open_board(site=site, workdir=tmp_path, runtime="cpython", flash={"journal": b"abc"})

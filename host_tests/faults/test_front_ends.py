"""Each front end on the simulated site: its traps, what it adds to the chip's error, no load."""

import pytest

from thoroughness import one_in
from umeter_sim import accuracy, traps
from umeter_sim.front_boards import BOARDS
from umeter_sim.front_rig import FrontRig

SPRUNG = [(name, kind) for kind in BOARDS for name in traps.TRAPS if traps.applies(name, kind)]


@pytest.mark.parametrize("name, kind", one_in(4, SPRUNG))
def test_a_trap_books_nothing_wrongly(name, kind):
    assert traps.spring(name, kind) == (0, 0)


def test_a_trap_that_catches_is_seen(monkeypatch):
    """A driver that believed whatever a module says would be found out."""

    def invent(rig):
        rig.channels[0].book(1_000_000_000)

    monkeypatch.setitem(traps.TRAPS, "invented", (invent, ()))
    assert traps.spring("invented", "pzem")[0] > 20

    def lose(rig):
        for sample in rig.samples:
            sample.units_per_count //= 2

    monkeypatch.setitem(traps.TRAPS, "lost", (lose, ()))
    assert traps.spring("lost", "pzem")[1] > 1


@pytest.mark.parametrize("kind", one_in(4, BOARDS))
def test_the_firmware_adds_next_to_nothing_at_the_load_points(kind):
    results = accuracy.measure(kind, run_ms=300_000)
    assert {r.point.name for r in results} >= {"0.05 Ib", "Ib", "Imax", "start 0.004 Ib"}
    for result in results:
        assert abs(result.error_wh) <= 1
        assert result.added_percent <= 0.02


@pytest.mark.parametrize("kind", one_in(4, BOARDS))
def test_no_load_is_no_energy_and_20_ma_are_some(kind):
    assert accuracy.creep_counts(kind, run_ms=3_600_000) == 0
    rig = FrontRig(BOARDS[kind][0], [46])
    rig.run(1_800_000, 500)
    assert all(rig.booked(channel.index) > 0 for channel in rig.channels)


def test_a_calibrated_gain_is_in_energy_and_power():
    for kind in BOARDS:
        rig = FrontRig(BOARDS[kind][0], [20_000])
        rig.calibration.tune(rig.samples[0], (50_000, 0, 0, 0))
        rig.run(20_000)
        before, drawn = rig.booked(0), rig.drawn(0)
        rig.run(200_000)
        gain = (rig.booked(0) - before) / (rig.drawn(0) - drawn)
        assert 1.048 < gain < 1.052, kind
        assert 20_900 < rig.samples[0].power_dw < 21_100, kind
        assert 19_900 < rig.samples[1].power_dw < 20_100, kind


@pytest.mark.parametrize("kind", BOARDS)
def test_steps_of_load_are_told_where_current_and_power_are_read_together(kind):
    """BL0906 gives its values one by one, the currents seconds after the powers."""
    rig = FrontRig(BOARDS[kind][0], [10_000])
    together = kind not in ("s0", "hlw8012", "bl0906")
    assert all(sample.measures_power == together for sample in rig.samples)
    if together:
        rig.run(3000)
        for index, sample in enumerate(rig.samples):
            assert 4200 < sample.current_ma < 4550
            rig.site.set_load(index + 1, 20_000)
        fresh = [sample.fresh for sample in rig.samples]
        for _ in range(30):
            rig.run(100)
            for index, sample in enumerate(rig.samples):
                if sample.fresh != fresh[index]:
                    fresh[index] = sample.fresh
                    assert 2.2 < sample.power_dw / sample.current_ma < 2.4

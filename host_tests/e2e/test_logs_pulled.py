"""The firmware's own logs at the station: pulled from a running board, across a power cut."""

import pytest

from umeter_sim.scene import METER, Scene, wait_until
from umeter_station.records import POWER_CUT_INSIDE

_KILOWATT_DW = 10_000
_SPEED = 600  # a quarter of an hour in a second and a half
_OFF_MS = 40 * 60_000


@pytest.mark.slow
def test_both_logs_of_a_board_arrive_and_hold_together(tmp_path):
    with Scene(tmp_path, "cpython", seed=5, speed=60, loads=[_KILOWATT_DW] * 8) as scene:
        station = scene.station
        scene.sim.start()
        wait_until(lambda: station.latest_reading(METER), "the first reading")
        for ch in range(1, 9):
            assert scene.sell(ch, 90_000_000).state == "applied"
        scene.ordered(station.order_set(METER, {"price_u_per_kwh": 250_000}))
        scene.sim.set_speed(_SPEED)
        wait_until(lambda: len(station.intervals(METER)) >= 5, "five intervals", 60)
        scene.sim.power_cut()
        scene.sim.power_on(after_ms=_OFF_MS)
        wait_until(lambda: station.intervals(METER)[-1]["n"] >= 9, "four more intervals", 60)
        _settled(scene)
        _the_chain_is_whole(station)
        _the_profile_is_the_register(scene)


def _settled(scene):
    """Until the station has what the newest reading named."""
    station = scene.station
    scene.sim.set_speed(60)

    def is_settled():
        reading = station.latest_reading(METER)
        newest = station.audit_records(METER, 1)[-1]["n"]
        return reading.boot == 2 and newest >= reading.event

    wait_until(is_settled, "the last audit record")


def _the_chain_is_whole(station):
    verdict = station.verify_audit(METER)
    assert verdict.is_sound and verdict.first_n == 1, verdict
    codes = [record["code"] for record in station.audit_records(METER, 1000)]
    assert codes.count("boot") == 2 and codes.count("contact.close") >= 8
    assert "set.price_u_per_kwh" in codes
    assert codes.count("command") < 20, "orders to read the log fill the log"
    assert station.findings(METER, "events") == station.findings(METER, "profile") == []


def _the_profile_is_the_register(scene):
    rows = scene.station.intervals(METER, limit=1000)
    assert [row["n"] for row in rows] == list(range(1, len(rows) + 1))
    assert any(row["flags"] & POWER_CUT_INSIDE for row in rows)
    ends = [row["t_end"] for row in rows if not row["flags"]]
    assert len(ends) >= 6 and all(t_end % 900 == 0 for t_end in ends)
    registers_wh = [channel["wh"] for channel in scene.meter()["channels"]]
    for ch, register_wh in enumerate(registers_wh, start=1):
        in_profile_wh = sum(row[f"wh_{ch}"] for row in rows)
        assert 0 <= register_wh - in_profile_wh < 500, (ch, register_wh, in_profile_wh)
    whole = [row["wh_1"] for row in rows if not row["flags"]]
    assert all(245 <= wh <= 255 for wh in whole[1:]), whole

"""What Home Assistant is told of a channel, by its own schemas where they are there, and by the
tables of its classes, which the schemas do not look at."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from station_kit import NOW_S
from umeter_station.homeassistant import payload
from umeter_station.homeassistant.payload import Channel

_REPO = Path(__file__).resolve().parents[2]
_CHANNEL = Channel("m-1", 3, board="sim8", version="1.2.0")
# Of the energy and the sensor documentation: class -> (state classes, units).
_CLASSES = {
    "energy": ({"total", "total_increasing"}, {"Wh", "kWh", "MWh"}),
    "energy_storage": ({"measurement"}, {"Wh", "kWh", "MWh"}),
    "power": ({"measurement"}, {"W", "kW"}),
    "voltage": ({"measurement"}, {"V", "mV"}),
    "current": ({"measurement"}, {"A", "mA"}),
    "monetary": ({"total"}, {"EUR", "ZAR"}),
}
_BINARY = {"power", "problem"}
_ROW = {
    "energy_wh": 12_345, "power_dw": 5_005, "voltage_dv": 2_301, "current_ma": 2_180,
    "balance_u": -1_500_000, "contact": 1, "claims": 0, "state": 0,
}  # fmt: skip


def _config(channel=_CHANNEL, currency="EUR", disconnect=True):
    return json.loads(payload.config(channel, currency, "0.1.0", disconnect))


def _state(**changes):
    return payload.state(_ROW | changes, NOW_S)


@pytest.mark.parametrize("channel", [_CHANNEL, Channel("m_1", 8, "kwh")])
def test_classes_units_and_state_classes_go_together(channel):
    sensors = [c for c in _config(channel, "ZAR")["cmps"].values() if c["p"] == "sensor"]
    assert len(sensors) == 5
    for sensor in sensors:
        states, units = _CLASSES[sensor["dev_cla"]]
        assert sensor["stat_cla"] in states, sensor
        assert sensor["unit_of_meas"] in units, sensor


def test_what_counts_up_is_energy_and_credit_is_not():
    components = _config()["cmps"]
    assert (components["energy"]["dev_cla"], components["energy"]["stat_cla"]) == (
        "energy",
        "total_increasing",
    )
    assert components["balance"]["dev_cla"] == "monetary"
    assert components["balance"]["unit_of_meas"] == "EUR"
    in_kwh = _config(Channel("m1", 1, "kwh"))["cmps"]["balance"]
    assert (in_kwh["dev_cla"], in_kwh["unit_of_meas"]) == ("energy_storage", "kWh")
    assert {c["dev_cla"] for c in components.values() if c["p"] == "binary_sensor"} <= _BINARY


def test_a_device_is_there_only_if_its_meter_and_the_station_are():
    document = _config()
    assert document["avty_mode"] == "all"
    assert [one["t"] for one in document["avty"]] == ["umeter-ha/status", "umeter-ha/m-1/status"]
    assert document["o"]["name"] and document["dev"]["ids"] == ["umeter_m-1_3"]


def test_ids_are_unique_and_stay():
    one, other = Channel("a_1", 2), Channel("a", 12)
    ids = [
        component["uniq_id"]
        for channel in (one, other)
        for component in _config(channel)["cmps"].values()
    ]
    assert len(set(ids)) == len(ids)
    assert _config(Channel("a", 12, board="x", version="9"))["cmps"]["power"]["uniq_id"] in ids
    assert payload.config_topic("homeassistant", one) == (
        "homeassistant/device/umeter_a_1_2/config"
    )


def test_the_switch_is_there_only_where_it_is_allowed():
    assert "disconnect" in _config()["cmps"]
    document = _config(disconnect=False)
    assert "disconnect" not in document["cmps"]
    assert "cmd_t" not in json.dumps(document)


def test_a_state_has_integers_and_says_what_is_not_known():
    document = json.loads(_state(power_dw=None, state=None))
    assert document["power_dw"] is None and document["low"] is None
    assert all(v is None or type(v) is int for v in document.values())
    assert json.loads(_state(claims=4, contact=0)) | {"disconnected": 1, "supply": 0} == (
        json.loads(_state(claims=4, contact=0))
    )
    assert [json.loads(_state(state=bits))["low"] for bits in (0, 1, 2, 4, 16, 32)] == [
        0, 1, 1, 0, 1, 0,
    ]  # fmt: skip


def test_a_channel_is_a_small_message():
    longest = Channel("m" * 32, 64, board="b" * 32, version="100.100.100")
    assert len(payload.config(_CHANNEL, "EUR", "0.1.0", True)) < 2_445
    assert len(payload.config(longest, "EUR", "0.1.0", True)) < 4_096


def _interpreter():
    path = Path(os.environ.get("UMETER_HA_PYTHON") or _REPO / "build/ha-venv/bin/python")
    if not path.exists():
        pytest.skip(
            "Home Assistant is not installed here; ha_requirements.txt beside this file tells how,"
            " or UMETER_HA_PYTHON names an interpreter that has it."
        )
    return path


def _checked(*pairs):
    """By Home Assistant: of each (discovery message, state)."""
    given = [[json.dumps(config), state.decode()] for config, state in pairs]
    ran = subprocess.run(
        [_interpreter(), "-W", "ignore", Path(__file__).with_name("ha_schema.py")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_home_assistants_own_schemas_take_it():
    wrong_pair, wrong_unit, no_origin, no_id, unknown = (_config() for _ in range(5))
    wrong_pair["cmps"]["energy"]["stat_cla"] = "measurement"
    wrong_unit["cmps"]["power"]["unit_of_meas"] = "EUR"
    del no_origin["o"], no_id["cmps"]["power"]["uniq_id"]
    unknown["cmps"]["power"]["colour"] = "red"
    found = _checked(
        (_config(), _state()),
        (_config(Channel("m_1", 64, "kwh"), disconnect=False), _state(power_dw=None, state=None)),
        *((bad, _state()) for bad in (wrong_pair, wrong_unit, no_origin, no_id, unknown)),
    )
    assert [one["wrong"] for one in found[:2]] == [[], []]
    assert found[0]["values"] == {
        "energy": "12.345", "power": "500.5", "voltage": "230.1", "current": "2.18",
        "balance": "-1.5", "supply": "1", "low": "0", "disconnect": "0",
    }  # fmt: skip
    assert (found[1]["values"]["power"], found[1]["values"]["low"]) == ("None", "None")
    # That the check itself can fail.
    for one, words in zip(
        found[2:], ("go with energy", "no unit of power", "origin", "unique_id", "colour"),
        strict=True,
    ):  # fmt: skip
        assert any(words in text for text in one["wrong"]), (one, words)

"""What Home Assistant is told of a channel: one device, discovered by one retained message.

Topics, beside the discovery prefix: `umeter-ha/status` (the station), `umeter-ha/METER/status`,
`umeter-ha/METER/CH/state` (integers, retained) and `umeter-ha/METER/CH/disconnect`, where Home
Assistant may ask for a disconnection. It has no way to connect: that takes credit, and a person.
"""

import json
from dataclasses import dataclass
from typing import Any

ROOT = "umeter-ha"
STATION_TOPIC = f"{ROOT}/status"
ASKS_FILTER = f"{ROOT}/+/+/disconnect"
ONLINE, OFFLINE = "online", "offline"
DISCONNECT, CONNECT = "disconnect", "connect"  # The second is what a switch must have, too.
_LARGEST_BYTES = 4_096


@dataclass(frozen=True)
class Channel:
    """`unit`: money or kwh, what its credit is counted in; `board` and `version` of its meter."""

    meter: str
    ch: int
    unit: str = "money"
    board: str = ""
    version: str = ""

    @property
    def id(self) -> str:
        # No two channels share it: what is behind the last _ is the channel.
        return f"umeter_{self.meter}_{self.ch}"

    @property
    def state_topic(self) -> str:
        return f"{ROOT}/{self.meter}/{self.ch}/state"

    @property
    def ask_topic(self) -> str:
        return f"{ROOT}/{self.meter}/{self.ch}/disconnect"


def meter_topic(meter: str) -> str:
    return f"{ROOT}/{meter}/status"


def config_topic(prefix: str, channel: Channel) -> str:
    return f"{prefix}/device/{channel.id}/config"


def config(channel: Channel, currency: str, station: str, disconnect: bool) -> bytes:
    """The retained message at `config_topic`; `station`: the station's version."""
    components = {**_sensors(channel, currency), **_binary_sensors()}
    if disconnect:
        components["disconnect"] = {
            "p": "switch",
            "name": "Disconnect",
            "ic": "mdi:power-plug-off",
            "cmd_t": channel.ask_topic,
            "pl_on": DISCONNECT,
            "pl_off": CONNECT,
            "stat_on": "1",
            "stat_off": "0",
            "val_tpl": "{{ value_json.disconnected }}",
        }
    for name, component in components.items():
        component["uniq_id"] = f"{channel.id}_{name}"
    device = {
        "ids": [channel.id],
        "name": f"{channel.meter} channel {channel.ch}",
        "mf": "umeter",
        "mdl": f"{channel.board or 'umeter'}, channel {channel.ch}",
    }
    if channel.version:
        device["sw"] = channel.version
    document = {
        "dev": device,
        "o": {"name": "umeter-station", "sw": station},
        "stat_t": channel.state_topic,
        # Only if both are there; by default the later of two would count.
        "avty": [{"t": STATION_TOPIC}, {"t": meter_topic(channel.meter)}],
        "avty_mode": "all",
        "qos": 1,
        "cmps": components,
    }
    payload = _json(document)
    if len(payload) > _LARGEST_BYTES:
        raise ValueError(f"{len(payload)} bytes are too many for one channel")
    return payload


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _sensors(channel: Channel, currency: str) -> dict[str, dict[str, Any]]:
    found = {
        "energy": _sensor("Energy", "energy", "total_increasing", "kWh", "energy_wh", 1_000, 2),
        "power": _sensor("Power", "power", "measurement", "W", "power_dw", 10, 0),
        "voltage": _sensor("Voltage", "voltage", "measurement", "V", "voltage_dv", 10, 1),
        "current": _sensor("Current", "current", "measurement", "A", "current_ma", 1_000, 2),
    }
    if channel.unit == "kwh":
        # What can still be drawn is stored energy: as `energy` it would count as consumption.
        kind = ("energy_storage", "measurement", "kWh")
    else:
        kind = ("monetary", "total", currency)
    found["balance"] = _sensor("Credit", *kind, "balance_u", 1_000_000, 2)
    return found


def _sensor(
    name: str, device_class: str, state_class: str, unit: str, key: str, per: int, digits: int
) -> dict[str, Any]:
    """`per`: how many of the state's integers are one of the unit."""
    value = f"value_json.{key}"
    return {
        "p": "sensor",
        "name": name,
        "dev_cla": device_class,
        "stat_cla": state_class,
        "unit_of_meas": unit,
        "sug_dsp_prc": digits,
        # A front end that does not measure it says null, which is not 0.
        "val_tpl": f"{{{{ {value} / {per} if {value} is not none else None }}}}",
    }


def _binary_sensors() -> dict[str, dict[str, Any]]:
    return {
        "supply": {
            "p": "binary_sensor",
            "name": "Supply",
            "dev_cla": "power",
            **_bit("supply"),
        },
        "low": {
            "p": "binary_sensor",
            "name": "Credit low",
            "dev_cla": "problem",
            **_bit("low"),
        },
    }


def _bit(key: str) -> dict[str, str]:
    return {"pl_on": "1", "pl_off": "0", "val_tpl": f"{{{{ value_json.{key} }}}}"}


_OPERATOR = 1 << 2  # of a reading's claims
_LOW = 0b10011  # of its state: low, very low, out of credit


def state(row: dict[str, int | None], received_at: int) -> bytes:
    """The retained message at `state_topic`, of a channel of a reading."""
    bits = row.get("state")
    return _json(
        {
            "energy_wh": row["energy_wh"],
            "power_dw": row["power_dw"],
            "voltage_dv": row["voltage_dv"],
            "current_ma": row["current_ma"],
            "balance_u": row["balance_u"],
            "supply": int(bool(row["contact"])),
            "low": None if bits is None else int(bool(bits & _LOW)),
            "disconnected": int(bool((row["claims"] or 0) & _OPERATOR)),
            "received_at": received_at,
        }
    )

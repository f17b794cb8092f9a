"""What meters publish, checked: pure functions from bytes to typed values.

Unknown keys are tolerated (a newer meter may say more); a known key of a wrong type makes the
whole message malformed: ValueError.
"""

import json
from dataclasses import dataclass
from typing import Any

MAX_PAYLOAD_BYTES = 16_384
MAX_CHANNELS = 64
_INT_LIMIT = 2**62  # What a database integer holds, with room to add.
_PER_CHANNEL = (
    "energy_wh",
    "power_dw",
    "voltage_dv",
    "current_ma",
    "credited_total_u",
    "charged_total_u",
    "balance_u",
    "contact",
    "claims",
    "age_s",
)
# A front end that does not measure it, or has not yet, says null.
_NULLABLE = frozenset(("power_dw", "voltage_dv", "current_ma", "age_s"))
# An older meter does not say them: None. `armed` has the claims that wait for the consumer's
# hand, `rate` is 1 to 4, `state` has the bits of live.STATE_NAMES, `days_left` is -1 if unknown.
_NEWER = ("armed", "rate", "state", "days_left")


@dataclass(frozen=True)
class Reading:
    """`t` Unix seconds by the meter's clock, worth something if `clock` is 1; `event` the newest
    event's number and `interval` the newest interval's, None from a meter that keeps no logs;
    `channels` one dict per channel with the keys of `_PER_CHANNEL`
    and `_NEWER`."""

    boot: int
    seq: int
    t: int
    clock: int
    up_s: int
    event: int
    interval: int | None
    channels: list[dict[str, int | None]]


@dataclass(frozen=True)
class Event:
    n: int
    boot: int
    t: int
    code: str
    ch: int
    a: int
    b: int


@dataclass(frozen=True)
class Status:
    """`clock` is None where it was not said (a last will)."""

    online: bool
    boot: int
    channels: int
    clock: int | None
    document: str


def parse_json(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"{len(payload)} bytes are too many")
    try:
        document = json.loads(payload)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def integer(
    document: dict[str, Any], key: str, default: int | None = None, low: int = -_INT_LIMIT
) -> int:
    value = document.get(key, default)
    if type(value) is not int or not low <= value <= _INT_LIMIT:
        raise ValueError(f"{key} is not an integer in range")
    return value


def text(document: dict[str, Any], key: str, default: str | None = None) -> str:
    value = document.get(key, default)
    if not isinstance(value, str) or not 0 < len(value) <= 40 or not value.isprintable():
        raise ValueError(f"{key} is not a short text")
    return value


def _column(document: dict[str, Any], key: str, length: int) -> list[int | None]:
    values = document.get(key)
    if not isinstance(values, list) or len(values) != length:
        raise ValueError(f"{key} is not a list of {length}")
    for value in values:
        if value is None and key in _NULLABLE:
            continue
        if type(value) is not int or not -_INT_LIMIT <= value <= _INT_LIMIT:
            raise ValueError(f"{key} has a value that is not an integer in range")
    return values


def reading(document: dict[str, Any]) -> Reading:
    energies = document.get("energy_wh")
    if not isinstance(energies, list) or not 1 <= len(energies) <= MAX_CHANNELS:
        raise ValueError("energy_wh is not a list of 1 to 64")
    columns = {key: _column(document, key, len(energies)) for key in _PER_CHANNEL}
    for key in _NEWER:
        given = key in document
        columns[key] = _column(document, key, len(energies)) if given else [None] * len(energies)
    channels = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    if any(row["credited_total_u"] < 0 or row["charged_total_u"] < 0 for row in channels):
        raise ValueError("a total is negative")
    return Reading(
        boot=integer(document, "boot", low=0),
        seq=integer(document, "seq", low=0),
        t=integer(document, "t"),
        clock=integer(document, "clock", low=0),
        up_s=integer(document, "up_s", 0, low=0),
        event=integer(document, "event", 0, low=-1),
        interval=integer(document, "interval", low=-1) if "interval" in document else None,
        channels=channels,
    )


def event(document: dict[str, Any]) -> Event:
    return Event(
        n=integer(document, "n", low=0),
        boot=integer(document, "boot", 0, low=0),
        t=integer(document, "t", 0),
        code=text(document, "code"),
        ch=integer(document, "ch", 0, low=0),
        a=integer(document, "a", 0),
        b=integer(document, "b", 0),
    )


def status(document: dict[str, Any]) -> Status:
    state = text(document, "state")
    if state not in ("online", "offline"):
        raise ValueError("state is neither online nor offline")
    channels = integer(document, "channels", 0, low=0)
    if channels > MAX_CHANNELS:
        raise ValueError("channels is over 64")
    return Status(
        online=state == "online",
        boot=integer(document, "boot", 0, low=0),
        channels=channels,
        clock=integer(document, "clock", low=0) if "clock" in document else None,
        document=json.dumps(document),
    )

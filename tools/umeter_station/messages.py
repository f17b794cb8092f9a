"""What meters publish, checked: pure functions from bytes to typed values.

Unknown keys are tolerated (a newer meter may say more); a known key of a wrong type makes the
whole message malformed: ValueError.
"""

import json
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import orjson

from umeter_station import packing

MAX_PAYLOAD_BYTES = 16_384
MAX_CHANNELS = 64
_INT_LIMIT = packing.LIMIT
_INTEGERS = {int}
_LISTS = {list}
# By channel: what every meter says; what is null if a front end does not measure it, or has not
# yet; and what an older meter does not say. `armed` has the claims that wait for the consumer's
# hand, `rate` is 1 to 4, `state` has the bits of live.STATE_NAMES, `days_left` is -1 if unknown,
# `given_total_u` is what of the credit nobody bought.
_WHOLE = (
    "energy_wh",
    "credited_total_u",
    "charged_total_u",
    "balance_u",
    "contact",
    "claims",
)
_NULLABLE = ("power_dw", "voltage_dv", "current_ma", "age_s")
_NEWER = ("armed", "rate", "state", "days_left", "given_total_u")
_COLUMNS = (*_WHOLE, *_NULLABLE, *_NEWER)
_NEEDED = {*_WHOLE, *_NULLABLE}


class Reading(NamedTuple):
    """`t` Unix seconds by the meter's clock, worth something if `clock` is 1; `event` the newest
    event's number and `interval` the newest interval's, None from a meter that keeps no logs;
    `count` channels, as packing.py packs them; `credited_u` and `charged_u` by channel; whether
    all balances are what these say."""

    boot: int
    seq: int
    t: int
    clock: int
    up_s: int
    event: int
    interval: int | None
    count: int
    packed: bytes
    credited_u: list[int]
    charged_u: list[int]
    is_balanced: bool


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
    document = orjson.loads(payload)  # what is wrong with it is a ValueError, too
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


def reading(document: dict[str, Any]) -> Reading:
    # Thousands of these a second: hence few steps, each over whole columns.
    energies = document.get("energy_wh")
    if type(energies) is not list or not 1 <= len(energies) <= MAX_CHANNELS:
        raise ValueError("energy_wh is not a list of 1 to 64")
    count = len(energies)
    columns = {name: document[name] for name in _COLUMNS if name in document}
    lists = columns.values()
    if (
        not columns.keys() >= _NEEDED
        or set(map(type, lists)) != _LISTS
        or set(map(len, lists)) != {count}
        or set(map(type, chain.from_iterable(lists))) != _INTEGERS
    ):
        _check_each(columns, count)
    credited, charged = columns["credited_total_u"], columns["charged_total_u"]
    if min(credited) < 0 or min(charged) < 0:
        raise ValueError("a total is negative")
    return Reading(
        integer(document, "boot", low=0),
        integer(document, "seq", low=0),
        integer(document, "t"),
        integer(document, "clock", low=0),
        integer(document, "up_s", 0, low=0),
        integer(document, "event", 0, low=-1),
        integer(document, "interval", low=-1) if "interval" in document else None,
        count,
        packing.pack(columns),
        credited,
        charged,
        list(map(int.__sub__, credited, charged)) == columns["balance_u"],
    )


def _check_each(columns: dict[str, Any], count: int) -> None:
    """What the quick look at all of them left open. Raises ValueError."""
    for name in (*_WHOLE, *_NULLABLE, *(name for name in _NEWER if name in columns)):
        column = columns.get(name)
        if type(column) is not list or len(column) != count:
            raise ValueError(f"{name} is not a list of {count}")
        if set(map(type, column)) != _INTEGERS:
            if name not in _NULLABLE:
                raise ValueError(f"{name} is not a list of {count} integers")
            if not _or_null(column):
                raise ValueError(f"{name} has a value that is neither an integer nor null")


def _or_null(column: list[Any]) -> bool:
    return all(value is None or type(value) is int for value in column)


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

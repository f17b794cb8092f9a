"""A change of a meter's settings: written, compared with what is in force, cut into orders."""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umeter_station.amounts import format_u, parse_decimal_u
from umeter_station.errors import StationError
from umeter_station.firmware_check import Document, split
from umeter_station.meters import Meter

_MOST_KEYS = 16  # the meter takes in one order
_MOST_BYTES = 1_300  # of JSON, which the meter takes signed and in base64, 2048 bytes in all
_MAX_FILE_BYTES = 65_536
_CHANNELS = 8
_SMALLEST_U = 10_000  # a smaller amount without a point was meant for whole units


@dataclass(frozen=True)
class Change:
    """`reported`, `before` (with what is on its way to the meter) and `after`: the documents.
    `orders`: {key: value} each, in their order."""

    changes: dict[str, Any]
    reported: Document
    before: Document
    after: Document
    orders: list[dict[str, Any]]
    is_reported: bool


def parse(words: list[str], file: Path | None) -> dict[str, Any]:
    """KEY=VALUE words and a JSON file as one change; no key may come twice."""
    found = [] if file is None else _read(file)
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise StationError(f"{word!r} is not KEY=VALUE; write report_s=60.")
        found.append((key, _value(key, value)))
    changes = dict(found)
    if len(changes) < len(found):
        twice = next(key for i, (key, _) in enumerate(found) if key in dict(found[:i]))
        raise StationError(f"{twice} is given twice; write every setting once per key.")
    if not changes:
        raise StationError("Name at least one setting, as price_u_per_kwh=250000, or a --file.")
    return changes


def _read(file: Path) -> list[tuple[str, Any]]:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_FILE_BYTES)
        document = json.loads(text, object_pairs_hook=_Pairs)
    except OSError:
        raise StationError(f"{file} cannot be read; name a readable JSON file.") from None
    except (ValueError, RecursionError) as error:
        raise StationError(f"{file} is not JSON: {error}.") from None
    if not isinstance(document, _Pairs):
        raise StationError(f'{file} must hold an object of settings, as {{"report_s": 60}}.')
    return [(key, _plain(value)) for key, value in document]


class _Pairs(list):
    """The members of a JSON object, none lost that is written twice."""


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        plain = {key: _plain(inner) for key, inner in value}
        if len(plain) < len(value):
            raise StationError(f"One of {', '.join(plain)} is given twice in one object.")
        return plain
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _value(key: str, text: str) -> Any:
    """JSON, a decimal amount of money, or a word without its quotes."""
    if is_money(key) and "." in text and text.lstrip("-")[:1].isdigit():
        sign = -1 if text.startswith("-") else 1
        return sign * parse_decimal_u(text.removeprefix("-"))
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if key.endswith("_u") and type(value) is int and 0 < abs(value) < _SMALLEST_U:
        raise StationError(
            f"{key}={text} would be {format_u(value)}; write {text}.00 for whole units of the"
            " currency, or the amount in a file for millionths."
        )
    return value


def is_money(key: str) -> bool:
    return key.endswith(("_u", "_u_per_kwh"))


def shown(key: str, value: Any) -> str:
    """A value as the operator reads it."""
    if is_money(key) and type(value) is int:
        return format_u(value)
    # Meters give the parts of a value in an order of their own.
    return "none" if value is None else json.dumps(value, separators=(",", ":"), sort_keys=True)


def plan(meter: Meter, changes: dict[str, Any], waiting: dict[str, Any] | None = None) -> Change:
    """Judge a change as the meter will; StationError if it would refuse any of it. `waiting`: the
    settings that are on their way to it already."""
    told = json.loads(meter.settings)
    channels = meter.channels or _CHANNELS
    reported, before, after = (Document(told, channels) for _ in range(3))
    before.apply(waiting or {})
    after.apply(waiting or {})
    orders = orders_of(changes)
    for order in orders:
        refused = after.apply(order)
        if refused:
            raise StationError(_refusal(refused, after.names, len(orders)))
    return Change(changes, reported, before, after, orders, bool(told))


def _refusal(refused: dict[str, str], names: list[str], orders: int) -> str:
    sentences = list(dict.fromkeys(refused.values()))
    for key in refused:
        near = difflib.get_close_matches(split(key)[1], names, 1)
        if near and near[0] != split(key)[1]:
            sentences.append(f"did you mean {near[0]}")
    if orders > 1:
        sentences.append(f"it takes {orders} orders, one after the other as they are written")
    return "Nothing was sent: " + "; ".join(sentences) + "."


def orders_of(changes: dict[str, Any]) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = [{}]
    for key, value in changes.items():
        if _size({key: value}) > _MOST_BYTES:
            raise StationError(
                f"{key} takes {_size({key: value})} bytes; a meter takes {_MOST_BYTES} at once."
            )
        if len(orders[-1]) == _MOST_KEYS or _size(orders[-1] | {key: value}) > _MOST_BYTES:
            orders.append({})
        orders[-1][key] = value
    return orders


def _size(document: dict[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":")))

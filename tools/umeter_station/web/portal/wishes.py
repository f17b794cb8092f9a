"""What a household may set at its own channel: two warnings and the budget of a day, as the meter
keeps them."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station import amounts, change, meters, twin
from umeter_station.firmware_check import Document
from umeter_station.web import forms, sentences
from umeter_station.web.charts.energy import Source

KEYS = ("low_credit_u", "low_credit_2_u", "budget_u")
_DAYS = {"1": 0, "2": 1, "3": 2, "4": 3, "5": 4, "6": 5, "7": 6, "8": 7}


@dataclass(frozen=True)
class Wish:
    """One setting: its text as it is typed, and whether the meter has it ("applied"), will get it
    ("waiting") or would not take it ("refused"); `sentence` has its words."""

    key: str
    text: str
    state: str
    sentence: str = ""


@dataclass(frozen=True)
class Slot:
    """Friendly hours: on which days (0 Monday .. 6, 7 special days), from when to when, HHMM."""

    days: tuple[int, ...]
    starts: str
    ends: str


@dataclass(frozen=True)
class Wishes:
    """Of one channel. `is_kwh`: amounts are kWh there."""

    source: Source
    is_kwh: bool
    found: tuple[Wish, ...]
    friendly: tuple[Slot, ...]
    emergency_u: int

    def text(self, key: str) -> str:
        return next(wish.text for wish in self.found if wish.key == key)


def of(conn: Connection, source: Source) -> Wishes:
    known = meters.get(conn, source.meter)
    settings = Document(json.loads(known.settings), known.channels or 8)
    desired = {row.key: row for row in twin.get(conn, source.meter).desired}
    found = []
    for key in KEYS:
        row = desired.get(f"ch.{source.ch}.{key}")
        if row is not None and row.state in ("waiting", "refused"):
            found.append(Wish(key, _text(row.value), row.state, sentences.say(row.sentence)))
        else:
            found.append(Wish(key, _text(settings.get(key, source.ch)), "applied"))
    friendly = tuple(
        Slot(tuple(_DAYS[day] for day in days if day in _DAYS), _clock(starts), _clock(ends))
        for days, starts, ends in settings.get("friendly", source.ch)
    )
    return Wishes(
        source=source,
        is_kwh=settings.get("unit", source.ch) == "kwh",
        found=tuple(found),
        friendly=friendly,
        emergency_u=settings.get("emergency_u", source.ch),
    )


def order(
    conn: Connection, source: Source, typed: dict[str, str], by: str, now_s: int
) -> int | None:
    """Order what differs of what was typed; the order's id, None if nothing does. Raises
    StationError, and orders nothing, if one of them is not an amount or the meter would not take
    it."""
    changes = {
        f"ch.{source.ch}.{wish.key}": _amount_u(typed[wish.key])
        for wish in of(conn, source).found
        if typed[wish.key].strip() != wish.text
    }
    if not changes:
        return None
    waiting = twin.get(conn, source.meter).waiting()
    change.plan(meters.get(conn, source.meter), changes, waiting)
    return twin.order_set(conn, source.meter, changes, now_s, by=by[:64])


def _amount_u(text: str) -> int | None:
    """Nothing typed: as the operator has it."""
    return forms.amount_u(text) if text.strip() else None


def _text(value_u: int | None) -> str:
    return "" if value_u is None else amounts.format_u(value_u)


def _clock(hhmm: int) -> str:
    return f"{hhmm // 100:02}:{hhmm % 100:02}"

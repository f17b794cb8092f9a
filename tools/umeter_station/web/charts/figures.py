"""A chart on a page: its numbers for the script that draws it, the same as a table for everybody,
and a sentence for who sees neither.

A page hands a Figure to the macro in chart.html. The script asks the Figure's address, and it is
the same question again, so that the page is small and the chart is never older than it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection

from umeter_station.errors import NotFound, StationError
from umeter_station.web import language
from umeter_station.web.charts import energy, lines, marks
from umeter_station.web.charts.energy import Source
from umeter_station.web.charts.marks import Mark
from umeter_station.web.language import gettext as _

KINDS = ("energy", *lines.LINES)
_LATE_S = 3_600  # what a load profile may be behind


@dataclass(frozen=True)
class Asked:
    """A chart of some channels, from `from_s` on and before `until_s`. Lines are of one channel.
    `step` "": as fits the range (buckets.STEPS_S). `is_live`: the page asks again, each time for
    as long a time up to then."""

    sources: tuple[Source, ...]
    from_s: int
    until_s: int
    kind: str = "energy"
    step: str = ""
    is_live: bool = False

    @property
    def span(self) -> tuple[int, int]:
        return self.from_s, self.until_s


@dataclass(frozen=True)
class Row:
    """A line of the table: when, and its texts in the order of the figure's `heads`."""

    when: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """`url`: where the script gets the numbers. `heads` are the titles of the rows' texts."""

    url: str
    summary: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    data: dict[str, Any] = field(default_factory=dict, repr=False)


def columns(conn: Connection, asked: Asked, where: tzinfo, now_s: int) -> dict[str, Any]:
    """The numbers as the script takes them: those of energy.columns() or lines.columns(), and
    `marks`. Raises StationError for a chart that there cannot be."""
    if asked.kind not in KINDS:
        raise StationError(f"There are charts of {', '.join(KINDS)}; {asked.kind!r} is none.")
    if not 0 <= asked.from_s < asked.until_s:
        raise StationError("A chart has a beginning, and an end after it.")
    if not asked.sources:
        raise NotFound("There is no channel here to draw a chart of.")
    if asked.kind != "energy" and len(asked.sources) > 1:
        raise StationError(f"A chart of {asked.kind} is of one channel.")
    if asked.kind == "energy":
        data = energy.columns(conn, where, asked.sources, asked.span, now_s, asked.step)
    else:
        data = lines.columns(conn, where, asked.sources[0], asked.span, asked.kind)
    happened = marks.of(conn, asked.sources, asked.span)
    zone = getattr(where, "key", "UTC")
    return data | {"marks": _packed(happened), "zone": zone, "words": _words()}


def _words() -> dict[str, str]:
    """What the script cannot know: the page's language, and what things are called in it."""
    return {
        "lang": language.current().code.replace("_", "-"),
        "currency": language.current().currency,
        "energy": _("Energy"),
        "cost": _("Cost"),
        "rate": _("Rate"),
        "power": _("Power"),
        "voltage": _("Voltage"),
        "current": _("Current"),
        "highest": _("Highest"),
        "none": _("no data"),
        "estimated": _("estimated in part"),
        "partial": _("data is missing"),
        "top_up": _("Top-up"),
        "cut": _("Power was off"),
        "dark": _("No mains power"),
    }


def figure(conn: Connection, asked: Asked, where: tzinfo, now_s: int) -> Figure:
    """Of all channels of a tenant together the address is /charts/own.json, which only they may
    ask; of one it is that channel's."""
    data = columns(conn, asked, where, now_s)
    energetic = asked.kind == "energy"
    heads, rows = _energy_table(data) if energetic else _line_table(data)
    summary = _energy_summary(data, now_s) if energetic else _line_summary(data)
    return Figure(url_of(asked), summary, heads, rows, data)


def url_of(asked: Asked) -> str:
    one = asked.sources[0] if len(asked.sources) == 1 else None
    path = f"/charts/{one.meter}/{one.ch}.json" if one else "/charts/own.json"
    query: dict[str, Any] = {"kind": asked.kind}
    if asked.is_live:
        query["last_s"] = asked.until_s - asked.from_s
    else:
        query |= {"from_s": asked.from_s, "until_s": asked.until_s}
    return f"{path}?{urlencode(query | ({'step': asked.step} if asked.step else {}))}"


def _packed(happened: Sequence[Mark]) -> dict[str, list[Any]]:
    """In columns; each text once."""
    texts = list(dict.fromkeys(mark.text for mark in happened))
    return {
        "kind": [mark.kind for mark in happened],
        "t": [mark.from_s for mark in happened],
        "until": [mark.until_s for mark in happened],
        "text": [texts.index(mark.text) for mark in happened],
        "texts": texts,
    }


def _energy_table(data: dict[str, Any]) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    speak = language.current()
    rates = data["rates"]
    heads = [_("Energy")]
    heads += [_("Rate %(number)s") % {"number": n + 1} for n in range(len(rates))]
    if data["cost_u"]:
        heads.append(_("Cost"))
    heads.append(_("Note"))
    estimated, partial = set(data["estimated"]), set(data["partial"])
    rows = []
    for i, at_s in enumerate(data["t"]):
        wh = data["wh"][i]
        notes = [_("estimated in part")] if i in estimated else []
        notes += [_("data is missing")] if i in partial else []
        texts = [_("no data") if wh is None else speak.kwh(wh, 2)]
        texts += ["" if rate[i] is None else speak.kwh(rate[i], 2) for rate in rates]
        if data["cost_u"]:
            cost_u = data["cost_u"][i]
            texts.append("" if cost_u is None else speak.money(cost_u))
        rows.append(Row(piece_text(at_s, data["step"]), (*texts, ", ".join(notes))))
    return tuple(heads), tuple(rows)


def piece_text(at_s: int, step: str) -> str:
    """What a piece of time is called."""
    speak = language.current()
    if step == "day":
        return speak.day(at_s)
    if step == "month":
        return speak.month(at_s)
    return speak.when(at_s)


def _energy_summary(data: dict[str, Any], now_s: int) -> str:
    known = [wh for wh in data["wh"] if wh is not None]
    if not known:
        return _("There is no data for this time.")
    speak = language.current()
    most = max(known)
    if not most:
        return _("Nothing was used.") + _gaps(data, known, now_s)
    said = _("%(total)s in all; the highest is %(most)s (%(when)s).") % {
        "total": speak.kwh(sum(known)),
        "most": speak.kwh(most, 2),
        "when": piece_text(data["t"][data["wh"].index(most)], data["step"]),
    }
    return said + _gaps(data, known, now_s)


def _gaps(data: dict[str, Any], known: Sequence[int], now_s: int) -> str:
    begun = sum(at_s + _LATE_S <= now_s for at_s in data["t"])
    gaps = begun - len(known)
    if gaps <= 0:
        return ""
    told = {"gaps": gaps, "all": begun}
    return " " + _("For %(gaps)s of %(all)s pieces of this time there is no data.") % told


def _value_text(kind: str, value: int | None) -> str:
    if value is None:
        return _("no data")
    speak = language.current()
    if kind == "power":
        return speak.watts(value)
    shift, unit = (1, "V") if kind == "voltage" else (3, "A")
    return f"{speak.decimal(value, shift, 1)} {unit}"


_TABLE_ROWS = 120


def _line_table(data: dict[str, Any]) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """At most _TABLE_ROWS of the points: a table of hundreds helps nobody."""
    speak = language.current()
    every = -(-len(data["t"]) // _TABLE_ROWS) or 1
    points = zip(data["t"], data["value"], data["high"], strict=True)
    rows = [
        Row(speak.when(at_s), (_value_text(data["kind"], v), _value_text(data["kind"], most)))
        for at_s, v, most in list(points)[::every]
    ]
    return (_("Mean"), _("Highest")), tuple(rows)


def _line_summary(data: dict[str, Any]) -> str:
    known = [value for value in data["value"] if value is not None]
    if not known:
        return _("There is no data for this time.")
    kind = data["kind"]
    highest = max(value for value in data["high"] if value is not None)
    return _("From %(low)s to %(high)s; last %(last)s.") % {
        "low": _value_text(kind, min(known)),
        "high": _value_text(kind, highest),
        "last": _value_text(kind, known[-1]),
    }

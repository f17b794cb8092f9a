"""Which meters, what for them, and at what pace: as it stands in an address.

All of it is in the query, also of the form that begins a rollout, so that what was looked at can
be sent to somebody else, or looked at again.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query
from sqlalchemy import Connection

from umeter_station import change
from umeter_station.desk import tariffs
from umeter_station.errors import StationError
from umeter_station.fleet import select, templates, waves, where
from umeter_station.fleet.preview import Preview
from umeter_station.fleet.select import Selection
from umeter_station.fleet.waves import Pace
from umeter_station.web.language import gettext as _

_Short = Annotated[str, Query(max_length=64)]
_Number = Annotated[str, Query(max_length=8)]
_Keys = Annotated[tuple[str, ...], Query(max_length=64)]
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_PERCENT = re.compile(r"[0-9]{1,3}([.,][0-9])?", re.ASCII)


@dataclass(frozen=True)
class Meters:
    """By `names`, or by what they have in common (`where`, the name of a `site`, of a `tariff`;
    all that are given), or `all` of them."""

    names: str = ""
    where: str = ""
    site: str = ""
    tariff: str = ""
    all: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.names.strip() or self.where.strip() or self.site or self.tariff) and (
            not self.all
        )

    def selection(self, conn: Connection, now_s: int) -> Selection:
        """Raises StationError."""
        names = tuple(self.names.replace(",", " ").split())
        in_common = bool(self.where.strip() or self.site or self.tariff)
        if bool(names) + in_common + self.all > 1:
            raise StationError(
                _("Name meters, or tell what they have in common, or tick all: only one of these.")
            )
        if self.is_empty:
            raise StationError(_("Choose meters: by name, by what they have in common, or all."))
        if names:
            return Selection(names=names)
        terms = self._terms()
        found = Selection(where=" and ".join(terms)) if terms else Selection(all=True)
        return self._with_tariff(conn, found, now_s) if self.tariff else found

    def _terms(self) -> list[str]:
        terms = []
        if self.where.strip():
            where.parse(self.where)  # Refused by the place in what was typed.
            terms.append(f"({self.where.strip()})" if self.site else self.where.strip())
        if self.site:
            if '"' in self.site and "'" in self.site:
                raise StationError(_("A site whose name has both quotes cannot be chosen."))
            quote = "'" if '"' in self.site else '"'
            terms.append(f"site={quote}{self.site}{quote}")
        return terms

    def _with_tariff(self, conn: Connection, chosen: Selection, now_s: int) -> Selection:
        having = {each.meter for each in tariffs.given(conn, self.tariff, now_s)}
        found = [known.meter for known in select.choose(conn, chosen, now_s)]
        names = tuple(meter for meter in found if meter in having)
        if not names:
            raise StationError(
                _("No meter that is chosen has the tariff %(name)s.") % {"name": self.tariff}
            )
        return Selection(names=names)


@dataclass(frozen=True)
class Speed:
    """A pace as it is typed; the times are minutes, `failing` is percent."""

    canary: str
    wave: str
    healthy: str
    pause: str
    answer: str
    failing: str

    @classmethod
    def of(cls, pace: Pace) -> "Speed":
        minutes = (pace.healthy_s, pace.wave_pause_s, pace.answer_s)
        failing = f"{Decimal(pace.failed_permille) / 10:f}"
        return cls(pace.canary, pace.wave, *(str(each // 60) for each in minutes), failing)

    def pace(self) -> Pace:
        """Raises StationError."""
        permille = _permille(self.failing)
        times = [_minutes_s(each) for each in (self.healthy, self.pause, self.answer)]
        return Pace(
            canary=self.canary,
            wave=self.wave,
            healthy_s=times[0],
            wave_pause_s=times[1],
            answer_s=times[2],
            failed_permille=permille,
        )


def _minutes_s(text: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise StationError(_("“%(text)s” is no number of whole minutes.") % {"text": text})
    return int(text) * 60


def _permille(text: str) -> int:
    if not _PERCENT.fullmatch(text.strip()):
        raise StationError(_("“%(text)s” is no percentage; write 5 or 2.5.") % {"text": text})
    return int(Decimal(text.strip().replace(",", ".")) * 10)


@dataclass(frozen=True)
class Wish:
    """`rows`: (setting, value) as they are typed, or the name of a `template`, as flats@2."""

    meters: Meters
    rows: tuple[tuple[str, str], ...]
    template: str
    speed: Speed

    def changes(self, conn: Connection) -> tuple[dict[str, Any], str]:
        """What is set, and the template that it comes from, if it does. Raises StationError."""
        if self.template and self.rows:
            raise StationError(_("Take a template, or write settings; not both."))
        if self.template:
            found = templates.get(conn, *templates.parse_name(self.template))
            return found.settings, str(found)
        return settings_of(self.rows), ""

    @property
    def query(self) -> str:
        """The address that says the same."""
        meters, speed = self.meters, self.speed
        told = {"meters": meters.names, "where": meters.where, "site": meters.site}
        told |= {"tariff": meters.tariff, "all": "yes" if meters.all else ""}
        told |= {"template": self.template, **speed.__dict__}
        pairs = [(name, value) for name, value in told.items() if value]
        for key, value in self.rows:
            pairs += [("key", key), ("value", value)]
        return urlencode(pairs)


def settings_of(rows: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """{setting: value} of what is typed, the value as JSON, as an amount or as a word."""
    words = []
    for key, value in rows:
        if not key or not value:
            told = {"what": key or value}
            raise StationError(
                _("“%(what)s” needs a setting and its value; null is its default.") % told
            )
        words.append(f"{key}={value}")
    if not words:
        raise StationError(_("Write at least one setting and its value, or take a template."))
    return change.parse(words, None)


def rows_of(keys: Iterable[str], values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The lines of a form that are filled in, each a setting and its value."""
    found = [(key.strip(), value.strip()) for key, value in _paired(list(keys), list(values))]
    return tuple(row for row in found if any(row))


def _paired(keys: list[str], values: list[str]) -> list[tuple[str, str]]:
    longest = max(len(keys), len(values))
    padded = [each + [""] * (longest - len(each)) for each in (keys, values)]
    return list(zip(*padded, strict=True))


def mark(seen: Iterable[Preview]) -> str:
    """What a dry run was of: which meters, with which of their settings."""
    told = sorted((one.meter, one.version) for one in seen)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def meters_wish(
    meters: Annotated[str, Query(max_length=8_000)] = "",
    where: Annotated[str, Query(max_length=2_000)] = "",
    site: _Short = "",
    tariff: _Short = "",
    all: Annotated[str, Query(max_length=3)] = "",
) -> Meters:
    return Meters(meters, where, site, tariff, bool(all))


MetersDep = Annotated[Meters, Depends(meters_wish)]


class _Speeds:
    def __init__(self, usual: Pace) -> None:
        self._usual = Speed.of(usual)

    def __call__(
        self,
        canary: _Number = "",
        wave: _Number = "",
        healthy: _Number = "",
        pause: _Number = "",
        answer: _Number = "",
        failing: _Number = "",
    ) -> Speed:
        typed = (canary, wave, healthy, pause, answer, failing)
        usual = self._usual.__dict__.values()
        return Speed(*(each or other for each, other in zip(typed, usual, strict=True)))


SpeedDep = Annotated[Speed, Depends(_Speeds(waves.Pace()))]
UpdateSpeedDep = Annotated[Speed, Depends(_Speeds(waves.UPDATES))]


def wish(
    meters: MetersDep,
    speed: SpeedDep,
    template: _Short = "",
    key: _Keys = (),
    value: _Keys = (),
) -> Wish:
    return Wish(meters, rows_of(key, value), template.strip(), speed)


WishDep = Annotated[Wish, Depends(wish)]

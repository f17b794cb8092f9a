"""The map of meters: sites, boards and channels as tiles, in four questions to the database."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import packing
from umeter_station.models import latest_readings, meters
from umeter_station.models_people import site_meters, sites, tenancies, tenants
from umeter_station.models_watch import findings
from umeter_station.watch.catalog import SEVERITIES
from umeter_station.watch.profile import setup
from umeter_station.web import language
from umeter_station.web.language import Language
from umeter_station.web.language import gettext as _
from umeter_station.web.watch import claims

PAGE = 100  # boards
STALE_S = 300
_OLD_FRONT_END_S = 60
_NOBODY = (0, "")
_LOW, _EMERGENCY, _OUT = 1 | 2, 8, 16


@dataclass(frozen=True)
class Wish:
    """What the reader wants to see: "" is all. `site`: a number, or "none" for meters that belong
    to none; `text`: part of a meter's or a tenant's name; `page` from 0."""

    site: str = ""
    presence: str = ""
    text: str = ""
    page: int = 0


class Tile(NamedTuple):
    """One channel. `why`: what holds its contact open; `mark`: the worst finding of it, "" if
    there is none; `is_old`: its front end has been silent for a while. An inlet has neither tenant
    nor credit, and no contact that would be closed: `tenant` and `why` say what it is."""

    ch: int
    tenant: str
    power: str
    balance: str
    money: str
    is_closed: bool
    why: str
    mark: str
    is_old: bool
    is_hit: bool


@dataclass(frozen=True, slots=True)
class Board:
    """`age`: how long ago its newest reading came, in words; `mark`: the worst finding of the
    whole meter."""

    meter: str
    site: str
    presence: str
    age: str
    is_stale: bool
    mark: str
    tiles: tuple[Tile, ...]

    @property
    def id(self) -> str:
        return f"b-{self.meter}"


@dataclass(frozen=True)
class Sight:
    """`has_more`: there is another page after this one."""

    boards: list[Board]
    has_more: bool

    @property
    def tiles(self) -> int:
        return sum(len(board.tiles) for board in self.boards)


def look(
    conn: Connection, wish: Wish, now_s: int, with_findings: bool, with_tenants: bool
) -> Sight:
    """What the reader may not see is left out, and not looked for either."""
    rows = conn.execute(_query(wish, now_s, with_tenants)).all()
    has_more, rows = len(rows) > PAGE, rows[:PAGE]
    names = [row.meter for row in rows]
    marks = _marks(conn, names) if with_findings else {}
    people = tenants_of(conn, names, now_s) if with_tenants else {}
    text = wish.text.strip().lower()
    return Sight([_board(row, marks, people, text, now_s) for row in rows], has_more)


def _query(wish: Wish, now_s: int, with_tenants: bool) -> sa.Select:
    m, r, s = meters.c, latest_readings.c, sites.c
    query = (
        sa.select(m.meter, m.presence, m.channels, m.settings)
        .add_columns(r.packed, r.received_at, s.name.label("site"))
        .select_from(meters)
        .outerjoin(latest_readings, r.meter == m.meter)
        .outerjoin(site_meters, site_meters.c.meter == m.meter)
        .outerjoin(sites, s.id == site_meters.c.site_id)
        .where(m.retired_at.is_(None))
        .order_by(s.name.is_(None), s.name, m.meter)
    )
    if wish.site == "none":
        query = query.where(s.id.is_(None))
    elif wish.site:
        query = query.where(s.id == int(wish.site))
    if wish.presence:
        query = query.where(m.presence == wish.presence)
    text = wish.text.strip()
    if text:
        found = m.meter.icontains(text, autoescape=True)
        if with_tenants:
            t = tenancies.c
            lives = sa.exists().where(
                t.meter == m.meter,
                _lasts(now_s),
                tenants.c.id == t.tenant_id,
                tenants.c.name.icontains(text, autoescape=True),
            )
            found = found | lives
        query = query.where(found)
    return query.limit(PAGE + 1).offset(wish.page * PAGE)


def _lasts(now_s: int) -> sa.ColumnElement[bool]:
    t = tenancies.c
    return (t.from_s <= now_s) & (t.until_s.is_(None) | (t.until_s > now_s))


def tenants_of(
    conn: Connection, names: Sequence[str], now_s: int
) -> dict[tuple[str, int], tuple[int, str]]:
    """{(meter, channel): (number, name) of the tenant who has it}"""
    t = tenancies.c
    columns = (t.meter, t.ch, tenants.c.id, tenants.c.name)
    query = sa.select(*columns).join(tenants, tenants.c.id == t.tenant_id)
    rows = conn.execute(query.where(t.meter.in_(names), _lasts(now_s)))
    return {(meter, ch): (tenant_id, name) for meter, ch, tenant_id, name in rows}


def _marks(conn: Connection, names: Sequence[str]) -> dict[tuple[str, int], str]:
    """The worst that is not closed, by channel; of the whole meter under 0."""
    f = findings.c
    query = sa.select(f.meter, f.ch, f.severity)
    found: dict[tuple[str, int], str] = {}
    for meter, ch, severity in conn.execute(query.where(f.state != "closed", f.meter.in_(names))):
        worst = found.get((meter, ch), SEVERITIES[0])
        found[meter, ch] = max(worst, severity, key=SEVERITIES.index)
    return found


def _board(
    row: sa.Row,
    marks: dict[tuple[str, int], str],
    people: dict[tuple[str, int], tuple[int, str]],
    text: str,
    now_s: int,
) -> Board:
    meter = row.meter
    told = packing.unpack(row.packed) if row.packed is not None else ()
    lang = language.current()
    inlet = setup(row.settings, row.channels).inlet_ch
    tiles = []
    for ch in range(1, max(len(told), row.channels) + 1):
        (_id, tenant), mark = people.get((meter, ch), _NOBODY), marks.get((meter, ch), "")
        values = told[ch - 1] if ch <= len(told) else None
        tile = _tile(lang, ch, values, tenant, mark, bool(text) and text in tenant.lower())
        tiles.append(_inlet(tile) if ch == inlet else tile)
    age_s = None if row.received_at is None else max(0, now_s - row.received_at)
    return Board(
        meter=meter,
        site=row.site or "",
        presence=row.presence,
        # In steps: what only grew older by a moment is not sent anew.
        age=_("no reading yet") if age_s is None else _age(lang, age_s // 60),
        is_stale=age_s is None or age_s > STALE_S,
        mark=marks.get((meter, 0), ""),
        tiles=tuple(tiles),
    )


def _tile(
    lang: Language,
    ch: int,
    values: dict[str, int | None] | None,
    tenant: str,
    mark: str,
    is_hit: bool,
) -> Tile:
    if values is None:
        return Tile(ch, tenant, "–", "–", "", False, "?", mark, True, is_hit)
    is_closed = bool(values["contact"])
    power_dw, balance_u, age_s = values["power_dw"], values["balance_u"], values["age_s"]
    return Tile(
        ch=ch,
        tenant=tenant,
        power="–" if power_dw is None else _watts(lang, _round(power_dw)),
        balance="–" if balance_u is None else _money(lang, balance_u // 10_000),
        money=_money_state(balance_u or 0, values["state"] or 0),
        is_closed=is_closed,
        why="" if is_closed else _why(lang, values["claims"] or 0, values["armed"] or 0),
        mark=mark,
        is_old=age_s is not None and age_s > _OLD_FRONT_END_S,
        is_hit=is_hit,
    )


def _inlet(tile: Tile) -> Tile:
    said = {"tenant": _("inlet"), "balance": "", "money": "", "why": _("whole house")}
    return tile._replace(**said, is_closed=False, is_hit=False)


def _money_state(balance_u: int, state: int) -> str:
    """As the account stands: out, emergency, low, or "" """
    if state & _EMERGENCY:
        return "emergency"
    if state & _OUT or balance_u <= 0:
        return "out"
    return "low" if state & _LOW else ""


def _round(power_dw: int) -> int:
    """What a tile shows of it: whole watts, or tens of them where kilowatts are written."""
    step = 100 if abs(power_dw) >= 100_000 else 10
    return (power_dw + step // 2) // step * step


# Babel takes its time for each number, and most tiles say what another, or they themselves, said.
@functools.lru_cache(maxsize=20_000)
def _watts(lang: Language, power_dw: int) -> str:
    return lang.watts(power_dw)


@functools.lru_cache(maxsize=50_000)
def _money(lang: Language, amount_cents: int) -> str:
    return lang.money(amount_cents * 10_000)


@functools.lru_cache(maxsize=1_000)
def _age(lang: Language, minutes: int) -> str:
    if minutes < 1:
        return _("just now")
    if minutes < 72:
        return _("%(number)s min ago") % {"number": minutes}
    return lang.ago(0, 60 * minutes)


@functools.lru_cache(maxsize=1_000)
def _why(lang: Language, claims_bits: int, armed: int) -> str:
    return ", ".join(claims.words(claims_bits, armed))

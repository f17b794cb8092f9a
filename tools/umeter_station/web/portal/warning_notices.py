"""Warnings of a low credit: what is to be told to which household, by mail or by SMS.

The meter judges by the household's own thresholds and tells of each crossing once, as an event;
what was told to whom by which way stands among the acts, so that each way tells it once. Whoever
cannot be reached is tried again for a day.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.desk import terms
from umeter_station.errors import StationError
from umeter_station.models import events
from umeter_station.models_people import acts as acts_table
from umeter_station.models_people import tenancies
from umeter_station.ops.jobs import zone
from umeter_station.people import acts, privacy, tenants
from umeter_station.people.tenants import Tenant
from umeter_station.station import Books
from umeter_station.watch.mail import Failed, Refused
from umeter_station.web import language
from umeter_station.web.language import Languages, Place

CODES = ("credit.low", "credit.low2", "credit.out", "budget.out")
_BACK_S = 86_400
# So many failures in a row: the server is down, and other jobs have waited for it long enough.
_MOST_FAILURES = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """`act`: as what it is noted that something was told; `purpose`: what a household agrees to;
    `address`: where a tenant is reached, "" if nowhere."""

    act: str
    purpose: str
    address: Callable[[Tenant], str]


@dataclass(frozen=True)
class Notice:
    """An event of a meter, and whom it is told. `amount_u`: the balance, or the day's budget;
    where `is_kwh`, in millionths of a kWh."""

    tenant: Tenant
    meter: str
    ch: int
    n: int
    code: str
    amount_u: int
    is_kwh: bool

    @property
    def mark(self) -> dict[str, int | str]:
        """By which it is known that it was told."""
        return {"meter": self.meter, "n": self.n}

    @property
    def key(self) -> str:
        """The same each time it is tried."""
        return f"warning.{self.meter}.{self.n}"


def tell(books: Books, way: Way, deliver: Callable[[Notice, int], None]) -> None:
    """What is due, each in its household's language. `deliver` takes a notice and the time, and
    raises Refused or Failed. Raises StationError if one could not be sent."""
    config, now_s = books.config, books.clock.now_s()
    place = Place(zone(config.jobs.timezone), config.stripe.currency.upper())
    languages = Languages(config.home, place)
    with books.db.read() as conn:
        waiting = due(conn, way, now_s)
    failed, in_a_row = "", 0
    for notice in _in_turn(waiting, now_s):
        try:
            with language.speaking(languages.choose(None, notice.tenant.language)):
                deliver(notice, books.clock.now_s())
        except Refused as error:
            _log.warning("a warning to tenant %d was refused: %s", notice.tenant.id, error)
            _note(books, way, notice, "refused")
        except Failed as error:
            failed, in_a_row = str(error), in_a_row + 1
            if in_a_row == _MOST_FAILURES:
                break
        else:
            in_a_row = 0
            _note(books, way, notice, "sent")
    if failed:
        raise StationError(f"Warnings of a low credit could not be sent: {failed}.")


def due(conn: Connection, way: Way, now_s: int) -> list[Notice]:
    """What meters told in the last day, of channels whose households want to know by this way,
    have not been told, and live there since before it."""
    e, t = events.c, tenancies.c
    lives = t.until_s.is_(None) | (t.until_s > now_s)
    query = (
        sa.select(t.tenant_id, e.meter, e.ch, e.n, e.code, e.a)
        .join(tenancies, (t.meter == e.meter) & (t.ch == e.ch))
        .where(e.code.in_(CODES), e.received_at > now_s - _BACK_S)
        .where(t.from_s <= e.received_at, lives)
        .where((e.t == 0) | (e.t > now_s - _BACK_S))
        .order_by(e.received_at, e.meter, e.n)
    )
    found = []
    for tenant_id, meter, ch, n, code, amount_u in conn.execute(query).all():
        tenant = tenants.get(conn, tenant_id)
        if way.address(tenant) and privacy.agrees(conn, tenant_id, way.purpose):
            is_kwh = terms.of(conn, meter, ch, now_s).unit == "kwh"
            notice = Notice(tenant, meter, ch, n, code, amount_u, is_kwh)
            if not _is_told(conn, way, notice, now_s):
                found.append(notice)
    return found


def _in_turn(waiting: list[Notice], now_s: int) -> list[Notice]:
    """Each minute another household is the first, so that some that can never be reached hold up
    nobody else; what one household is told stays in its order."""
    ids = sorted({notice.tenant.id for notice in waiting})
    turn = ids[now_s // 60 % len(ids)] if ids else 0
    return sorted(waiting, key=lambda notice: (notice.tenant.id < turn, notice.tenant.id))


def _is_told(conn: Connection, way: Way, notice: Notice, now_s: int) -> bool:
    a = acts_table.c
    rows = conn.execute(
        sa.select(a.detail).where(
            a.about == tenants.about(notice.tenant.id),
            a.act == way.act,
            a.at > now_s - 2 * _BACK_S,
        )
    )
    return any(notice.mark.items() <= json.loads(text).items() for text in rows.scalars())


def _note(books: Books, way: Way, notice: Notice, result: str) -> None:
    detail = notice.mark | {"code": notice.code, "result": result}
    about = tenants.about(notice.tenant.id)
    with books.db.write() as conn:
        acts.note(conn, "job:warnings", way.act, about, detail, books.clock.now_s())

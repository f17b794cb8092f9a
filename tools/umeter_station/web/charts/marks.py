"""What happened on a channel while a chart's time passed: cuts with their reason, money that came
in, hours without mains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.models import events, purchases
from umeter_station.models_desk import sales
from umeter_station.web import language
from umeter_station.web.charts.energy import Source
from umeter_station.web.language import gettext as _

# The newest of each kind are drawn.
MOST = 150


def reasons(claims: int) -> list[str]:
    """Why a contact is held open, in everyday words, by the bits of a reading or event."""
    words = (
        _("the meter has just started"),
        _("the credit is used up"),
        _("switched off by the operator"),
        _("switched off by you"),
        _("more power than is allowed"),
        _("switched off by the timetable"),
        _("the meter was tampered with"),
        _("the measurement has failed"),
    )
    return [word for bit, word in enumerate(words) if claims >> bit & 1]


@dataclass(frozen=True)
class Mark:
    """`kind`: "cut", "top-up" or "dark" (no mains); `until_s` is None for a moment, and for what
    lasts still; `text` says what it was."""

    kind: str
    from_s: int
    until_s: int | None
    text: str


def of(conn: Connection, sources: Sequence[Source], span: tuple[int, int]) -> list[Mark]:
    """In the order of time, up to MOST of each kind and channel."""
    found: list[Mark] = []
    for source in sources:
        from_s = max(span[0], source.since_s)
        found += _cuts(conn, source, (from_s, span[1]))
        found += _top_ups(conn, source, (from_s, span[1]))
    found += {mark for source in sources for mark in _dark(conn, source, span)}
    return sorted(found, key=lambda mark: (mark.from_s, mark.kind, mark.text))


def _happened(
    conn: Connection, meter: str, channels: tuple[int, ...], codes: Sequence[str], span: tuple
) -> list[sa.Row]:
    """The newest, in order: (at_s, code, a). An event of a meter without the time is when it
    came in."""
    e = events.c
    at_s = sa.case((e.t > 0, e.t), else_=e.received_at)
    query = (
        sa.select(at_s.label("at_s"), e.code, e.a)
        .where(e.meter == meter, e.ch.in_(channels), e.code.in_(codes))
        .where(at_s >= span[0], at_s < span[1])
    )
    return conn.execute(query.order_by(e.n.desc()).limit(MOST)).all()[::-1]


def _cuts(conn: Connection, source: Source, span: tuple[int, int]) -> Iterator[Mark]:
    opened: sa.Row | None = None
    codes = ("contact.open", "contact.close")
    for row in _happened(conn, source.meter, (source.ch,), codes, span):
        if opened is not None:
            yield _cut(opened, row.at_s)
        opened = row if row.code == "contact.open" else None
    if opened is not None:
        yield _cut(opened, None)


def _cut(opened: sa.Row, until_s: int | None) -> Mark:
    why = ", ".join(reasons(opened.a)) or _("the reason is not known")
    return Mark("cut", opened.at_s, until_s, _("Cut: %(why)s") % {"why": why})


def _top_ups(conn: Connection, source: Source, span: tuple[int, int]) -> Iterator[Mark]:
    p = purchases.c
    amount_u = sa.func.coalesce(sales.c.paid_u, p.amount_u)
    query = (
        sa.select(p.created_at, amount_u.label("amount_u"))
        .outerjoin(sales, sales.c.purchase_id == p.id)
        .where(p.meter == source.meter, p.ch == source.ch)
        .where(p.created_at >= span[0], p.created_at < span[1])
    )
    for row in conn.execute(query.order_by(p.id.desc()).limit(MOST)):
        amount = language.current().money(row.amount_u)
        yield Mark("top-up", row.created_at, None, _("Top-up of %(amount)s") % {"amount": amount})


def _dark(conn: Connection, source: Source, span: tuple[int, int]) -> Iterator[Mark]:
    """The meter tells of it when it has power again: for how many seconds it had none."""
    span = (max(span[0], source.since_s), span[1])
    for row in _happened(conn, source.meter, (0,), ("power.cut",), span):
        from_s = max(row.at_s - max(row.a, 0), span[0])
        yield Mark("dark", from_s, row.at_s, _("No mains power"))

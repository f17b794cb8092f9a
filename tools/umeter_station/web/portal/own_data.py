"""A household's own data as files: what it used, what it paid, and everything that is known."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from sqlalchemy import Connection

from umeter_station.api import own_sales
from umeter_station.api.deps import Caller
from umeter_station.api.export_formats import safe
from umeter_station.desk import sales
from umeter_station.web.charts.energy import Source, profile

_ALL = 100_000


def use_csv(
    conn: Connection, sources: tuple[Source, ...], where: tzinfo, now_s: int
) -> str:
    """One row per interval and channel, since somebody lives there."""
    rows = (
        (source.meter, source.ch, _iso(start, where), _iso(end, where), wh, int(estimated))
        for source in sources
        for start, end, wh, estimated in zip(
            *_columns(conn, source, now_s), strict=True
        )
    )
    return _csv(("meter", "channel", "from", "until", "wh", "estimated"), rows)


def _columns(conn: Connection, source: Source, now_s: int) -> tuple[list[int], ...]:
    found = profile(conn, source, source.since_s, now_s)
    columns = (found.start_s, found.end_s, found.wh, found.estimated)
    return tuple(column.tolist() for column in columns)


def purchases_csv(conn: Connection, who: Caller, where: tzinfo) -> str:
    rows = (
        (
            _iso(sale.at, where),
            sale.quote.meter,
            sale.quote.ch,
            sale.quote.paid_u,
            sale.quote.fee_u,
            sale.quote.tax_u,
            sale.quote.order_u,
            sale.quote.unit,
            f"{sale.register}-{sale.receipt_no}" if sale.receipt_no else "",
        )
        for sale in sales.page(conn, _ALL, where=own_sales.only(conn, who))
    )
    heads = ("at", "meter", "channel", "paid_u", "fee_u", "tax_u", "credited_u", "unit", "receipt")
    return _csv(heads, rows)


def _csv(heads: tuple[str, ...], rows: Iterable[tuple[int | str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows([safe(value) for value in row] for row in rows)
    return text.getvalue()


def _iso(at_s: int, where: tzinfo) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone(where).isoformat()

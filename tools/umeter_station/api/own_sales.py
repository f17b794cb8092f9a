"""Which sales a caller may know of: a tenant those of the own channels since he or she lives
there, everybody else all."""

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.api.deps import Caller
from umeter_station.desk import sales
from umeter_station.desk.sales import Sale
from umeter_station.errors import NotFound
from umeter_station.models import purchases
from umeter_station.models_desk import sales as sales_table


def only(conn: Connection, who: Caller) -> sa.ColumnElement[bool]:
    """For sales.page()."""
    channels = who.channels(conn)
    if channels is None:
        return sa.true()
    s, p = sales_table.c, purchases.c
    mine = [
        (p.meter == meter) & (p.ch == ch) & (s.at >= who.since_s(conn, meter, ch))
        for meter, ch in channels
    ]
    return sa.or_(sa.false(), *mine)


def is_own(conn: Connection, who: Caller, sale: Sale) -> bool:
    """To a tenant another's sale does not exist, nor one from before the tenancy."""
    if who.tenant_id is None:
        return True
    place = (sale.quote.meter, sale.quote.ch)
    return place in (who.channels(conn) or ()) and sale.at >= who.since_s(conn, *place)


def check_receipt(conn: Connection, who: Caller, register: str, receipt_no: int) -> None:
    """NotFound for a receipt that the caller may not know of; a payout's are the staff's."""
    if who.tenant_id is not None:
        sale = sales.by_receipt(conn, register, receipt_no)
        if sale is None or not is_own(conn, who, sale):
            raise NotFound(f"There is no receipt {receipt_no} of {register}.")

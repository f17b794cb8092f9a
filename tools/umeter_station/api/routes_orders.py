"""Orders to meters: give one, see what became of it, call it off."""

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query

from umeter_station import orders, supply_orders
from umeter_station.api.deps import (
    BooksDep,
    Caller,
    ChPath,
    IdPath,
    In,
    MeterPath,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.errors import StationError
from umeter_station.models import commands
from umeter_station.orders import Command, State
from umeter_station.people import acts

router = APIRouter(prefix="/v1", tags=["orders"])

Reader = Annotated[Caller, need("orders:read")]
Writer = Annotated[Caller, need("orders:write")]
# Its arguments are a key, though a wrapped one.
_SECRET_OPS = ("key",)


class OrderOut(Out):
    """`code` is the meter's final word, null while it has not answered; `states` in their order,
    with who brought each about."""

    id: int
    meter: str
    n: int
    op: str
    args: dict[str, Any]
    created_at: int
    exp: int
    state: str
    code: str | None
    result: dict[str, Any] | None
    states: list[State]


class OrderListed(Out):
    id: int
    meter: str
    n: int
    op: str
    created_at: int
    exp: int
    state: str
    code: str | None


class SupplyIn(In):
    """ "open" cuts the supply, "close" lets it be."""

    state: Literal["open", "close"]


class SupplyDone(Out):
    """Either the order, or the number of the approval that it waits for."""

    order_id: int | None
    approval_id: int | None


class QuarantineIn(In):
    """ "accept" books what the meter holds back, "refuse" gives it up."""

    action: Literal["accept", "refuse"]


def _shown(conn: Any, command: Command) -> OrderOut:
    values = {name: getattr(command, name) for name in Command.__dataclass_fields__}
    if command.op in _SECRET_OPS:
        values["args"] = {}
    return OrderOut(**values, states=orders.states(conn, command.id))


@router.get("/orders")
def list_orders(
    books: BooksDep,
    page: PageDep,
    who: Reader,
    meter: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = None,
    only_open: bool = False,
) -> Page[OrderListed]:
    """The newest first."""
    c = commands.c
    before = page.after(int)
    query = sa.select(*(c[name] for name in OrderListed.model_fields)).order_by(c.id.desc())
    if before is not None:
        query = query.where(c.id < before[0])
    if meter is not None:
        query = query.where(c.meter == meter)
    if only_open:
        query = query.where(c.state.in_(orders.OPEN_STATES))
    with books.db.read() as conn:
        rows = conn.execute(query.limit(page.limit + 1)).all()
    return page.of(rows, key=lambda row: (row.id,), make=OrderListed.of)


@router.get("/orders/{order_id}")
def get_order(order_id: IdPath, books: BooksDep, who: Reader) -> OrderOut:
    with books.db.read() as conn:
        return _shown(conn, orders.get(conn, order_id))


@router.delete("/orders/{order_id}")
def cancel_order(order_id: IdPath, books: BooksDep, who: Writer) -> OrderOut:
    """Call an open order off. What the meter has of it already it may still do."""
    with books.db.write() as conn:
        command = orders.get(conn, order_id)
        if command.op in orders.MONEY_OPS:
            raise StationError("That order moves money; call off the sale or refund it is of.")
        orders.cancel(conn, order_id, who.by, who.now_s)
        detail = {"op": command.op, "order_id": order_id}
        acts.note(conn, who.by, "order.cancel", f"meter:{command.meter}", detail, who.now_s)
        return _shown(conn, orders.get(conn, order_id))


@router.post("/meters/{meter}/read", status_code=202)
def read_now(meter: MeterPath, books: BooksDep, who: Writer) -> OrderOut:
    """Ask the meter for a reading of now; its answer is the order's result."""
    with books.db.write() as conn:
        order_id = orders.order_read(conn, meter, who.now_s, who.by)
        return _noted(conn, order_id, who)


@router.post("/meters/{meter}/channels/{ch}/quarantine", status_code=202)
def quarantine(
    meter: MeterPath, ch: ChPath, body: QuarantineIn, books: BooksDep, who: Writer
) -> OrderOut:
    """Book the energy that the meter holds back as implausible, or give it up."""
    with books.db.write() as conn:
        order_id = orders.order_quarantine(conn, meter, ch, body.action, who.now_s, who.by)
        return _noted(conn, order_id, who)


def _noted(conn: Any, order_id: int, who: Caller) -> OrderOut:
    command = orders.get(conn, order_id)
    detail = {"order_id": order_id, **command.args}
    acts.note(conn, who.by, f"order.{command.op}", f"meter:{command.meter}", detail, who.now_s)
    return _shown(conn, command)


@router.post("/meters/{meter}/channels/{ch}/supply", status_code=202)
def order_supply(
    meter: MeterPath,
    ch: ChPath,
    body: SupplyIn,
    books: BooksDep,
    who: Annotated[Caller, need("supply:write")],
) -> SupplyDone:
    """Hold the channel's contact open, or release it; another person may have to agree first."""
    with books.db.write() as conn:
        done = supply_orders.order(conn, meter, ch, body.state, who.by, who.now_s)
    order_id = None if done.result is None else done.result["order_id"]
    return SupplyDone(order_id=order_id, approval_id=done.approval_id)

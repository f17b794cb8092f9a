"""Money back: credit that a meter gives back, and what is due paid out at the desk."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query, Response
from pydantic import Field

from umeter_station.api.deps import (
    AmountU,
    BooksDep,
    Caller,
    ChField,
    IdempotencyKey,
    In,
    MeterField,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.api.routes_sales import ChQuery, MeterQuery
from umeter_station.desk import payouts, shifts, two_person
from umeter_station.models_desk import payouts as payouts_table

router = APIRouter(prefix="/v1/refunds", tags=["refunds"])

Writer = Annotated[Caller, need("refunds:write")]
Reader = Annotated[Caller, need("refunds:read")]
Key = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
BankName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]


class TakeBack(In):
    """At most this, and never what is used already: only the meter knows."""

    meter: MeterField
    ch: ChField
    amount_u: AmountU


class Taken(Out):
    """The order; what it took is in its answer, and due back then."""

    order_id: int
    repeated: bool


class NewPayout(In):
    """In cash from the caller's open shift (or the desk without shifts), or from a bank account.
    `purchase`: the key of the sale that it is about."""

    meter: MeterField
    ch: ChField
    amount_u: AmountU
    reason: Annotated[str, Field(max_length=200)] = ""
    bank: BankName | None = None
    purchase: Key | None = None


class PayoutOut(Out):
    id: int
    key: str
    meter: str
    ch: int
    amount_u: int
    paid_to: str
    shift_id: int | None
    register_: Annotated[str, Field(validation_alias="register", serialization_alias="register")]
    receipt_no: int
    at: int
    by: str
    reason: str


class PayoutDone(Out):
    """Either the payout, or the number of the approval that it waits for."""

    payout: PayoutOut | None
    approval_id: int | None


class Due(Out):
    meter: str
    ch: int
    refund_due_u: int


@router.get("/due")
def refund_due(meter: MeterQuery, ch: ChQuery, books: BooksDep, who: Reader) -> Due:
    """What can be paid out for a channel now."""
    with books.db.read() as conn:
        who.check_channel(conn, meter, ch)
        return Due(meter=meter, ch=ch, refund_due_u=payouts.due_u(conn, meter, ch))


@router.post("/take-back", status_code=202)
def take_back(body: TakeBack, books: BooksDep, who: Writer, key: IdempotencyKey) -> Taken:
    """Order the meter to give unused credit back, once per key."""
    with books.db.write() as conn:
        given = payouts.take_back(conn, body.meter, body.ch, body.amount_u, key, who.by, who.now_s)
    return Taken(order_id=given.command_id, repeated=given.repeated)


@router.post("", status_code=201, responses={202: {"model": PayoutDone}})
def pay_out(
    body: NewPayout, books: BooksDep, who: Writer, key: IdempotencyKey, response: Response
) -> PayoutDone:
    """Pay out what is due back, once per key. 202 if another person must agree first."""
    with books.db.write() as conn:
        shift = shifts.open_of(conn, who.by) if body.bank is None else None
        args = {**body.model_dump(), "key": key, "shift_id": shift and shift.id}
        done = two_person.pay_out(conn, args, who.by, who.now_s)
        found = None if done.result is None else payouts.by_key(conn, key)
    if done.approval_id is not None:
        response.status_code = 202
    shown = None if found is None else PayoutOut.of(found)
    return PayoutDone(payout=shown, approval_id=done.approval_id)


@router.get("")
def list_payouts(
    books: BooksDep,
    page: PageDep,
    who: Reader,
    meter: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = None,
) -> Page[PayoutOut]:
    """The newest first."""
    p = payouts_table.c
    where = sa.true() if meter is None else p.meter == meter
    before = page.after(int)
    with books.db.read() as conn:
        rows = payouts.page(conn, page.limit + 1, before[0] if before else None, where)
    return page.of(rows, key=lambda row: (row.id,), make=PayoutOut.of)

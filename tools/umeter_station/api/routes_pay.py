"""Payments through providers, and their refunds."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from umeter_station.api.deps import (
    AmountU,
    BooksDep,
    Caller,
    ChField,
    IdempotencyKey,
    IdPath,
    In,
    MeterField,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.api.problems import refuse
from umeter_station.errors import NotFound
from umeter_station.pay import conflicts, payments, providers, refunds
from umeter_station.pay.payments import Payment, Wish
from umeter_station.pay.refunds import Refund
from umeter_station.people import approvals
from umeter_station.station import Books

router = APIRouter(prefix="/v1", tags=["payments"])

Payer = Annotated[Caller, need("own:write", "sales:write")]
Reader = Annotated[Caller, need("own:read", "sales:read")]
Refunder = Annotated[Caller, need("refunds:write")]
RefundReader = Annotated[Caller, need("refunds:read")]
ProviderField = Annotated[str, Field(pattern=r"^[a-z]{1,32}$")]
KeyPath = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
State = Annotated[str, Query(pattern=r"^[a-z]{1,16}$")]
PAYMENT_REFUND = "payment_id"


class WayToPay(Out):
    name: str
    currency: str


class NewPayment(In):
    """For a channel, or for the wallet of a tenant: a tenant's own if `wallet` is true."""

    amount_u: AmountU
    provider: ProviderField | None = None
    meter: MeterField | None = None
    ch: ChField | None = None
    account: Annotated[int, Field(ge=1, le=1 << 30)] | None = None
    wallet: bool = False
    tenant_id: Annotated[int, Field(ge=1, le=1 << 53)] | None = None


class PaymentOut(Out):
    """`redirect_url`: where the payer pays. `outcome`: what the money became: sale, wallet, or
    suspense, where a person looks after it."""

    id: int
    key: str
    provider: str
    currency: str
    amount_u: int
    purpose: str
    meter: str | None
    ch: int | None
    tenant_id: int | None
    state: str
    outcome: str
    redirect_url: str
    created_at: int
    expires_at: int
    sale_key: str
    quote: dict[str, Any]


class NewRefund(In):
    amount_u: AmountU


class RefundOut(Out):
    id: int
    payment_id: int
    amount_u: int
    state: str
    asked_at: int
    ended_at: int | None


class RefundDone(Out):
    """Either the refund, or the number of the approval that it waits for."""

    refund: RefundOut | None
    approval_id: int | None = None


class ConflictOut(Out):
    id: int
    provider: str
    event_id: str
    payment_id: int | None
    what: str
    detail: dict[str, Any]
    at: int


@router.get("/ways-to-pay")
def ways_to_pay(books: BooksDep, who: Reader) -> list[WayToPay]:
    """The first is the usual one."""
    found = providers.of(books.config, books.db, books.clock)
    return [WayToPay(name=each.name, currency=each.currency) for each in found.values()]


@router.post("/payments", status_code=201)
def new_payment(body: NewPayment, books: BooksDep, who: Payer, key: IdempotencyKey) -> PaymentOut:
    """Begin a payment; the payer pays at `redirect_url`. Once per caller and key."""
    provider = providers.get(books.config, books.db, books.clock, body.provider)
    wish = _wish(body, books, who)
    return _shown(payments.start(books.db, books.clock, provider, wish, who.by, key))


def _wish(body: NewPayment, books: Books, who: Caller) -> Wish:
    if body.meter is not None and body.ch is not None:
        with books.db.read() as conn:
            who.check_channel(conn, body.meter, body.ch)
        return Wish(body.amount_u, body.meter, body.ch, body.account)
    tenant_id = who.tenant_id if body.wallet else body.tenant_id
    if tenant_id is None or (who.tenant_id is not None and tenant_id != who.tenant_id):
        raise refuse(400, "A payment needs meter and ch, or wallet, or for staff a tenant_id.")
    return Wish(body.amount_u, tenant_id=tenant_id)


@router.get("/payments")
def list_payments(
    books: BooksDep, page: PageDep, who: Reader, state: State | None = None
) -> Page[PaymentOut]:
    after = page.after(int)
    payer = None if who.tenant_id is None else who.by
    with books.db.read() as conn:
        rows = payments.page(conn, page.limit + 1, after[0] if after else 0, state, payer)
    return page.of(rows, key=lambda row: (row.id,), make=_shown)


@router.get("/payments/by-key/{key}")
def payment_by_key(key: KeyPath, books: BooksDep, who: Reader) -> PaymentOut:
    """What became of the caller's own payment with this key."""
    with books.db.read() as conn:
        found = payments.by_key(conn, who.by, key)
    if found is None:
        raise NotFound("There is no payment with this key.")
    return _shown(found)


@router.get("/payments/{payment_id}")
def get_payment(payment_id: IdPath, books: BooksDep, who: Reader) -> PaymentOut:
    with books.db.read() as conn:
        return _shown(_get(conn, payment_id, who))


def _get(conn: Any, payment_id: int, who: Caller) -> Payment:
    found = payments.find(conn, payment_id)
    if found is None or (who.tenant_id is not None and found.payer != who.by):
        raise NotFound(f"There is no payment {payment_id} here.")
    return found


def _shown(payment: Payment) -> PaymentOut:
    names = [name for name in PaymentOut.model_fields if name != "quote"]
    values = {name: getattr(payment, name) for name in names}
    return PaymentOut(**values, quote=json.loads(payment.quote))


@router.post(
    "/payments/{payment_id}/refunds", status_code=201, responses={202: {"model": RefundDone}}
)
def new_refund(
    payment_id: IdPath,
    body: NewRefund,
    books: BooksDep,
    who: Refunder,
    key: IdempotencyKey,
    response: Response,
) -> RefundDone:
    """Back to the payer by the way it came, of what is due back. 202 if another person must agree
    first."""
    with books.db.write() as conn:
        payment = payments.get(conn, payment_id)
        if approvals.needed(conn, "refund"):
            args = {PAYMENT_REFUND: payment_id, "amount_u": body.amount_u, "key": key}
            response.status_code = 202
            asked_id = approvals.ask(conn, "refund", args, who.by, who.now_s)
            return RefundDone(refund=None, approval_id=asked_id)
        asked = refunds.ask(conn, payment_id, body.amount_u, key, who.by, who.now_s)
    provider = providers.get(books.config, books.db, books.clock, payment.provider)
    done = refunds.carry_out(books.db, books.clock, provider, asked)
    return RefundDone(refund=_shown_refund(done))


@router.get("/payments/{payment_id}/refunds")
def list_refunds(payment_id: IdPath, books: BooksDep, who: RefundReader) -> list[RefundOut]:
    with books.db.read() as conn:
        payments.get(conn, payment_id)
        return [_shown_refund(each) for each in refunds.of(conn, payment_id)]


def _shown_refund(refund: Refund) -> RefundOut:
    return RefundOut.of(refund)


@router.get("/payment-conflicts")
def list_conflicts(
    books: BooksDep, page: PageDep, who: Annotated[Caller, need("sales:read", "audit:read")]
) -> Page[ConflictOut]:
    """Where a provider's word does not fit the books; the newest first."""
    before = page.after(int)
    with books.db.read() as conn:
        rows = conflicts.page(conn, page.limit + 1, before[0] if before else None)
    return page.of(rows, key=lambda row: (row.id,), make=ConflictOut.of)

"""Tenants' wallets: what they hold, what to write on a transfer into one, what is given back."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from umeter_station.api.deps import (
    AmountU,
    BooksDep,
    Caller,
    IdempotencyKey,
    IdPath,
    In,
    Out,
    need,
)
from umeter_station.api.routes_refunds import BankName
from umeter_station.desk import two_person
from umeter_station.pay import references, wallets
from umeter_station.station import Books

router = APIRouter(prefix="/v1", tags=["wallets"])

Payer = Annotated[Caller, need("refunds:write")]


class WalletOut(Out):
    """`reference`: what a payer writes on a transfer into it; `printed` is the same in groups of
    four."""

    balance_u: int
    reference: str
    printed: str


class WalletPayout(In):
    """The transfer itself is made at the bank. `bank`: the name of the account it went from."""

    amount_u: AmountU
    bank: BankName
    reason: Annotated[str, Field(max_length=200)] = ""


class WalletPaidOut(Out):
    """`approval_id`: what it waits for, if another person must agree first."""

    balance_u: int
    approval_id: int | None


@router.get("/own/wallet")
def own_wallet(books: BooksDep, who: Annotated[Caller, need("own:read")]) -> WalletOut:
    return _wallet(books, who.tenant_id or 0, who.now_s)


@router.get("/tenants/{tenant_id}/wallet")
def get_wallet(
    tenant_id: IdPath, books: BooksDep, who: Annotated[Caller, need("tenants:read")]
) -> WalletOut:
    return _wallet(books, tenant_id, who.now_s)


@router.post(
    "/tenants/{tenant_id}/wallet/pay-out",
    status_code=201,
    responses={202: {"model": WalletPaidOut}},
)
def pay_out(
    tenant_id: IdPath,
    body: WalletPayout,
    books: BooksDep,
    who: Payer,
    key: IdempotencyKey,
    response: Response,
) -> WalletPaidOut:
    """Note that the bank has sent it back, once per key. 202 if another person must agree
    first."""
    args = {"tenant_id": tenant_id, "key": key, **body.model_dump()}
    with books.db.write() as conn:
        done = two_person.pay_out_wallet(conn, args, who.by, who.now_s)
        balance_u = wallets.balance_u(conn, tenant_id)
    if done.approval_id is not None:
        response.status_code = 202
    return WalletPaidOut(balance_u=balance_u, approval_id=done.approval_id)


def _wallet(books: Books, tenant_id: int, now_s: int) -> WalletOut:
    with books.db.write() as conn:
        found = references.of_tenant(conn, tenant_id, now_s)
        balance_u = wallets.balance_u(conn, tenant_id)
    return WalletOut(balance_u=balance_u, reference=found, printed=references.spaced(found))

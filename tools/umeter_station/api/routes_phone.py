"""What an IVR or an SMS gateway asks for its caller, and the PINs of tenants.

Every answer to a call has `spoken`, ready for any voice, beside the numbers. The gateway's own id
of a call's step, or of a message, is the key by which nothing is done twice.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from umeter_station.amounts import check_amount_u
from umeter_station.api.deps import (
    BooksDep,
    Caller,
    ChField,
    IdempotencyKey,
    IdPath,
    In,
    MeterField,
    Out,
    need,
)
from umeter_station.api.problems import refuse
from umeter_station.pay import phone, pins, providers, sms, spoken
from umeter_station.pay.phone import Call
from umeter_station.pay.provider import Provider
from umeter_station.station import Books

router = APIRouter(prefix="/v1/phone", tags=["phone"])

Gateway = Annotated[Caller, need("phone:write")]
Keeper = Annotated[Caller, need("tenants:write")]
Own = Annotated[Caller, need("own:write")]
Pin = Annotated[str, Field(min_length=1, max_length=16)]
Number = Annotated[str, Field(max_length=32)]
Token = Annotated[str, Field(min_length=1, max_length=64)]
Typed = Annotated[str, Field(min_length=1, max_length=20, description="As typed: 12*50.")]


class Verify(In):
    """`number`: the caller's, a hint; `meter` and `ch`, if the caller named a channel."""

    pin: Pin
    number: Number = ""
    meter: MeterField | None = None
    ch: ChField | None = None


class ChannelOut(Out):
    meter: str
    ch: int


class CallOut(Out):
    token: str
    ends_at: int
    channels: list[ChannelOut]


class OfCall(In):
    token: Token
    meter: MeterField
    ch: ChField


class WithAmount(OfCall):
    amount: Typed


class OnlyToken(In):
    token: Token


class StandingOut(Out):
    balance_u: int | None
    days_left: int | None
    read_at: int | None
    wallet_u: int
    spoken: list[str]


class QuoteOut(Out):
    paid_u: int
    fee_u: int
    tax_u: int
    debt_u: int
    credit_u: int
    energy_wh: int | None
    spoken: list[str]


class BoughtOut(Out):
    """`spoken` reads back what was bought, and the number of the receipt in groups."""

    purchase_id: int
    key: str
    paid_u: int
    receipt: str
    wallet_u: int
    spoken: list[str]


class LinkOut(Out):
    """`send`: to be sent by SMS; a caller cannot write an address down."""

    payment_id: int
    send: str


class Sms(In):
    message_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
    number: Number
    text: Annotated[str, Field(max_length=1000)]


class Reply(Out):
    reply: str


class NewPin(In):
    pin: Pin


@router.post("/calls")
def begin_call(body: Verify, books: BooksDep, who: Gateway) -> CallOut:
    """Check the PIN. 403 if it is not right, or locked after three wrong ones."""
    if (body.meter is None) != (body.ch is None):
        raise refuse(400, "Name both meter and ch, or none of them.")
    try:
        token, call = phone.begin_call(
            books.db, books.clock, who.by, body.number, body.pin, body.meter, body.ch
        )
    except pins.Refused as error:
        raise refuse(403, str(error), kind="pin") from None
    with books.db.read() as conn:
        found = phone.channels(conn, call.tenant_id, who.now_s)
    listed = [ChannelOut(meter=meter, ch=ch) for meter, ch in found]
    return CallOut(token=token, ends_at=call.ends_at, channels=listed)


@router.post("/calls/end", status_code=204)
def end_call(body: OnlyToken, books: BooksDep, who: Gateway) -> None:
    with books.db.write() as conn:
        phone.end_call(conn, who.by, body.token)


@router.post("/balance")
def balance(body: OfCall, books: BooksDep, who: Gateway) -> StandingOut:
    currency = _currency(books)
    with books.db.read() as conn:
        call = phone.find_call(conn, who.by, body.token, who.now_s)
        found = phone.standing(conn, call.tenant_id, body.meter, body.ch, who.now_s)
    said = [spoken.amount(found.wallet_u, currency)]
    if found.balance_u is not None:
        said = [spoken.amount(found.balance_u, currency), *said]
    return StandingOut(
        balance_u=found.balance_u,
        days_left=found.days_left,
        read_at=found.read_at,
        wallet_u=found.wallet_u,
        spoken=said,
    )


@router.post("/quote")
def quote(body: WithAmount, books: BooksDep, who: Gateway) -> QuoteOut:
    paid_u, currency = spoken.parse_typed_u(body.amount), _currency(books)
    with books.db.read() as conn:
        call = phone.find_call(conn, who.by, body.token, who.now_s)
        found = phone.quote(conn, call.tenant_id, body.meter, body.ch, paid_u, who.now_s)
    names = ("paid_u", "fee_u", "tax_u", "debt_u", "credit_u", "energy_wh")
    values = {name: getattr(found, name) for name in names}
    said = [spoken.amount(found.paid_u, currency), spoken.amount(found.credit_u, currency)]
    return QuoteOut(**values, spoken=said)


@router.post("/buy")
def buy(body: WithAmount, books: BooksDep, who: Gateway, key: IdempotencyKey) -> BoughtOut:
    """From the caller's wallet, once per key: the gateway's own id of this step of the call."""
    paid_u, currency = check_amount_u(spoken.parse_typed_u(body.amount)), _currency(books)
    with books.db.write() as conn:
        call = phone.find_call(conn, who.by, body.token, who.now_s)
        sale = phone.buy(conn, who.by, key, call.tenant_id, body.meter, body.ch, paid_u, who.now_s)
        found = phone.standing(conn, call.tenant_id, body.meter, body.ch, who.now_s)
    receipt = f"{sale.receipt_no:08d}"
    return BoughtOut(
        purchase_id=sale.purchase.id,
        key=sale.purchase.key,
        paid_u=paid_u,
        receipt=f"{sale.register} {sale.receipt_no}",
        wallet_u=found.wallet_u,
        spoken=[spoken.amount(paid_u, currency), spoken.groups(receipt)],
    )


@router.post("/link")
def pay_link(body: WithAmount, books: BooksDep, who: Gateway, key: IdempotencyKey) -> LinkOut:
    """For a wallet that holds too little: a payment through a provider, once per key."""
    paid_u = spoken.parse_typed_u(body.amount)
    with books.db.read() as conn:
        call: Call = phone.find_call(conn, who.by, body.token, who.now_s)
    provider = providers.get(books.config, books.db, books.clock)
    made = phone.pay_link(
        books.db,
        books.clock,
        provider,
        who.by,
        key,
        call.tenant_id,
        body.meter,
        body.ch,
        paid_u,
    )
    return LinkOut(payment_id=made.id, send=made.redirect_url)


@router.post("/sms")
def sms_in(body: Sms, books: BooksDep, who: Gateway) -> Reply:
    """A message to the station, answered once per message_id; the answer is for its sender."""
    found = providers.of(books.config, books.db, books.clock)
    provider: Provider | None = next(iter(found.values()), None)
    reply = sms.answer(
        books.db,
        books.clock,
        provider,
        _currency(books),
        who.by,
        body.message_id,
        body.number,
        body.text,
    )
    return Reply(reply=reply)


@router.put("/pin", status_code=204)
def set_own_pin(body: NewPin, books: BooksDep, who: Own) -> None:
    """A tenant's own PIN."""
    _store(books, who, who.tenant_id or 0, body.pin)


@router.put("/pins/{tenant_id}", status_code=204)
def set_pin(tenant_id: IdPath, body: NewPin, books: BooksDep, who: Keeper) -> None:
    _store(books, who, tenant_id, body.pin)


@router.post("/pins/{tenant_id}/unlock", status_code=204)
def unlock(tenant_id: IdPath, books: BooksDep, who: Keeper) -> None:
    """Let a tenant try again whose PIN was locked."""
    with books.db.write() as conn:
        pins.unlock(conn, tenant_id, who.by, who.now_s)


@router.delete("/pins/{tenant_id}", status_code=204)
def remove_pin(tenant_id: IdPath, books: BooksDep, who: Keeper) -> None:
    with books.db.write() as conn:
        pins.remove(conn, tenant_id, who.by, who.now_s)


def _store(books: Books, who: Caller, tenant_id: int, pin: str) -> None:
    pin_hash = pins.hashed(pin)
    with books.db.write() as conn:
        pins.store(conn, tenant_id, pin_hash, who.by, who.now_s)


def _currency(books: Books) -> str:
    return books.config.stripe.currency.upper()

"""/home/top-up: a tenant pays for one of the own channels.

What an amount buys is shown by asking for the page again with it, so that it works without any
script. The form that pays has a key from when the page was made: sent twice it is one payment; and
a second window with the same wish goes on with the payment of the first. What lies in the tenant's
wallet pays at once; a second window is told that the wallet has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.desk import charges, quotes
from umeter_station.desk.quotes import Quote
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.pay import payments, wallets
from umeter_station.pay.payments import Wish
from umeter_station.station import Books
from umeter_station.web import forms, route
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.pay import bill, paying, transfer
from umeter_station.web.route import go_on
from umeter_station.web.templating import render

router = route.router("/home/top-up")

Payer = Annotated[Caller, page("own:write")]
ShortQuery = Annotated[str, Query(max_length=48)]


@dataclass(frozen=True)
class Channel:
    meter: str
    ch: int

    @property
    def value(self) -> str:
        return f"{self.meter}.{self.ch}"


@dataclass(frozen=True)
class Typed:
    """`key` is empty for a page that is fresh."""

    channel: str = ""
    amount: str = ""
    provider: str = ""
    key: str = ""


@router.get("")
def form(
    request: Request,
    books: BooksDep,
    who: Payer,
    channel: ShortQuery = "",
    amount: ShortQuery = "",
    quick: ShortQuery = "",
    provider: ShortQuery = "",
) -> Response:
    typed = Typed(channel, quick or amount, provider)
    error, status = "", 200
    bought = None
    if typed.amount:
        try:
            bought = _quote(books, who, typed)
        except StationError as refused:
            error, status = str(refused), route.status_of(refused)
    return _page(request, books, who, typed, bought, error, status)


@router.post("")
def pay(
    request: Request,
    books: BooksDep,
    who: Payer,
    key: forms.Key,
    channel: Annotated[str, Form(max_length=48)] = "",
    amount: forms.Typed = "",
    provider: paying.ProviderName = "",
) -> Response:
    typed = Typed(channel, amount, provider, key)
    bought = None
    try:
        bought = _quote(books, who, typed)
        wish = Wish(bought.paid_u, bought.meter, bought.ch)
        found = paying.provider(books, provider)
        payment = payments.start_or_resume(
            books.db, books.clock, found, wish, who.by, typed.key
        )
    except Conflict:
        again = Typed(channel, amount, provider)
        used = _("This page was used for another payment already; look at it and pay once more.")
        return _page(request, books, who, again, bought, used, 409)
    except StationError as refused:
        status = route.status_of(refused)
        return _page(request, books, who, typed, bought, str(refused), status)
    return paying.lead_on(payment, f"/home/payments/{payment.id}", who.now_s)


@router.post("/wallet")
def pay_from_wallet(
    request: Request,
    books: BooksDep,
    who: Payer,
    key: forms.Key,
    held: Annotated[int, Form(ge=0, le=(1 << 53) - 1)],
    channel: Annotated[str, Form(max_length=48)] = "",
    amount: forms.Typed = "",
) -> Response:
    """`held`: what the page said that the wallet holds."""
    typed = Typed(channel, amount, key=key)
    bought = None
    try:
        bought = _quote(books, who, typed)
        with books.db.write() as conn:
            wallets.buy(
                conn,
                tenant_id=who.tenant_id or 0,
                meter=bought.meter,
                ch=bought.ch,
                paid_u=bought.paid_u,
                key=f"wallet:{who.tenant_id}:{key}",
                way=paying.WAY,
                by=who.by,
                now_s=who.now_s,
                seen_u=held,
            )
    except StationError as refused:
        fresh = Typed(channel, amount)
        status = route.status_of(refused)
        return _page(request, books, who, fresh, bought, str(refused), status)
    return go_on("/home", "bought")


def _quote(books: Books, who: Caller, typed: Typed) -> Quote:
    with books.db.read() as conn:
        chosen = _chosen(_channels(who.channels(conn) or ()), typed.channel)
        amount_u = paying.amount_u(conn, typed.amount, who.now_s)
        return quotes.quote(conn, chosen.meter, chosen.ch, amount_u, paying.WAY, who.now_s)


def _channels(own: Sequence[tuple[str, int]] | set[tuple[str, int]]) -> list[Channel]:
    return [Channel(*each) for each in sorted(own)]


def _chosen(own: list[Channel], value: str) -> Channel:
    """The one that is named, or the only one."""
    if not value and len(own) == 1:
        return own[0]
    for each in own:
        if each.value == value:
            return each
    raise NotFound(_("Choose one of your channels."))


def _page(
    request: Request,
    books: Books,
    who: Caller,
    typed: Typed,
    bought: Quote | None,
    error: str = "",
    status: int = 200,
) -> Response:
    with books.db.read() as conn:
        own = _channels(who.channels(conn) or ())
        cost = charges.in_force(conn, paying.WAY, who.now_s)
        recent = payments.last_paid(conn, who.by, who.now_s - payments.LIFETIME_S)
        wallet_u = wallets.balance_u(conn, who.tenant_id or 0)
    found = paying.ways(books)
    return render(
        request,
        "pay/top_up.html",
        status,
        pays_at=paying.origins(found),
        channels=own,
        typed=typed,
        quick=paying.quick_amounts(cost),
        ways=found,
        bought=bought,
        notes=bill.notes(bought) if bought else [],
        recent=recent,
        wallet_u=max(wallet_u, 0),
        transfers=transfer.to(books, [(each.meter, each.ch) for each in own], who.now_s),
        key=typed.key or paying.new_key(),
        error=error,
    )

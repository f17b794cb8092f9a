"""/pay: whoever stands at the box pays for a channel, without a sign-in.

The box bears a number of twenty digits (pay/box_numbers.py), and a QR code with the address of
this page and that number. Only who has seen the box can know it: half of its digits are a MAC.

What the page answers tells nobody which meters there are. Until somebody wants to pay, nothing is
looked up: the form, the check digits, the amount, the fee and the tax are the same for every
number. Then a number of no channel, one whose code is wrong and one of a channel that is gone get
the same sentence; for the first two nothing is read. Tries are counted per address before the
number is looked at, and taken back if it was right; and all addresses together have so many in a
second.

Nothing here, on the page that the payer returns to, nor on the receipt tells of a name, a balance,
debts or use: what the credit is in energy would tell of debts and of the month's use.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Form, Path, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.api.deps import BooksDep, Caller, address_of
from umeter_station.api.limits import Buckets
from umeter_station.desk import charges
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.pay import back_pages, box_numbers, payments
from umeter_station.pay.payments import Payment, Wish
from umeter_station.pay.references import Target
from umeter_station.people import tries
from umeter_station.station import Books
from umeter_station.web import forms, route
from umeter_station.web.guard import stranger
from umeter_station.web.language import gettext as _
from umeter_station.web.pay import paying
from umeter_station.web.templating import render

router = route.router("/pay")

Stranger = Annotated[Caller | None, stranger("whoever stands at a box pays without an account")]
NumberPath = Annotated[str, Path(pattern=r"^[0-9]{20}$")]
# (a second in the long run, at once) of all who pay here together.
IN_WHOLE = (10.0, 100)
_MAX_NUMBER_CHARS = 60


@dataclass(frozen=True)
class Typed:
    number: str = ""
    amount: str = ""
    provider: str = ""
    key: str = ""


@dataclass(frozen=True)
class Bought:
    """What of an amount becomes credit, by the terms that hold for every channel."""

    paid_u: int
    fee_u: int
    tax_u: int
    credit_u: int


class TooMany(StationError):
    """Come again in so many seconds."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(
            _("Too many tries; try again in %(seconds)s s.") % {"seconds": wait_s}
        )


@router.get("")
def form(request: Request, books: BooksDep, _who: Stranger) -> Response:
    return _page(request, books, Typed())


@router.get("/{number}")
def form_of_code(
    request: Request, number: NumberPath, books: BooksDep, _who: Stranger
) -> Response:
    """Where the QR code on the box leads to."""
    return _page(request, books, Typed(number))


@router.post("")
def pay(
    request: Request,
    books: BooksDep,
    _who: Stranger,
    key: forms.Key,
    number: Annotated[str, Form(max_length=_MAX_NUMBER_CHARS)] = "",
    amount: forms.Typed = "",
    provider: paying.ProviderName = "",
    step: Literal["show", "pay"] = Form("show"),
    quick: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    typed = Typed(number, quick or amount, provider, key)
    now_s = books.clock.now_s()
    bought = None
    try:
        bought = _bought(books, typed, now_s)
        if step != "pay" or quick:
            return _page(request, books, typed, bought)
        payment, back = _start(request, books, typed, bought, now_s)
    except TooMany as refused:
        answer = _page(request, books, typed, bought, str(refused), 429)
        answer.headers["Retry-After"] = str(refused.wait_s)
        return answer
    except Conflict:
        again = Typed(number, amount, provider)
        used = _("This page was used for another payment already; look at it and pay once more.")
        return _page(request, books, again, bought, used, 409)
    except StationError as refused:
        return _page(request, books, typed, bought, str(refused), route.status_of(refused))
    return paying.lead_on(payment, back, now_s)


def _bought(books: Books, typed: Typed, now_s: int) -> Bought:
    """The same for every number; nothing is looked up but the terms."""
    if not box_numbers.is_right(typed.number):
        raise StationError(
            _("That is not a number from a box: it has twenty digits. Compare each digit.")
        )
    with books.db.read() as conn:
        amount_u = paying.amount_u(conn, typed.amount, now_s)
        cost = charges.in_force(conn, paying.WAY, now_s)
    return Bought(amount_u, *charges.split(amount_u, cost))


def _start(
    request: Request, books: Books, typed: Typed, bought: Bought, now_s: int
) -> tuple[Payment, str]:
    """(the payment, the path of its page)."""
    provider = paying.provider(books, typed.provider)
    target = _target(request, books, typed.number, now_s)
    wish = Wish(bought.paid_u, target.meter, target.ch)
    try:
        payment = payments.start(
            books.db, books.clock, provider, wish, back_pages.ANYBODY, typed.key
        )
    except NotFound:
        raise _unknown() from None
    with books.db.read() as conn:
        return payment, back_pages.path(conn, payment.id, payment.payer, payment.way)


def _target(request: Request, books: Books, number: str, now_s: int) -> Target:
    in_whole: Buckets = request.app.state.per_box_number
    waits_s = in_whole.take("all")
    if waits_s:
        raise TooMany(int(waits_s) + 1)
    subject = f"pay:{address_of(request)}"
    with books.db.write() as conn:
        tries_wait_s = tries.begin(conn, {subject: tries.ADDRESS}, now_s)
    if tries_wait_s:
        raise TooMany(tries_wait_s)
    with books.db.write() as conn:
        target = box_numbers.find(conn, number)
        if target is not None and not _is_in_service(conn, target):
            target = None
        if target is not None:
            tries.take_back(conn, subject, now_s)
    if target is None:
        raise _unknown()
    return target


def _is_in_service(conn: Connection, target: Target) -> bool:
    known = meters.find(conn, target.meter or "")
    return known is not None and known.retired_at is None


def _unknown() -> NotFound:
    return NotFound(_("Nobody can pay with this number; compare it with the one on the box."))


def _page(
    request: Request,
    books: Books,
    typed: Typed,
    bought: Bought | None = None,
    error: str = "",
    status: int = 200,
) -> Response:
    with books.db.read() as conn:
        cost = charges.in_force(conn, paying.WAY, books.clock.now_s())
    found = paying.ways(books)
    return render(
        request,
        "pay/at_the_box.html",
        status,
        pays_at=paying.origins(found),
        typed=typed,
        number=box_numbers.spaced(typed.number),
        quick=paying.quick_amounts(cost),
        ways=found,
        bought=bought,
        key=typed.key or paying.new_key(),
        error=error,
    )

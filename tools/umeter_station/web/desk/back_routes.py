"""Money back at the desk: credit that the meter gives back, and what is due paid out."""

from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller, ChPath, MeterPath
from umeter_station.desk import payouts, receipts, shifts, two_person
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.models_desk import payouts as payouts_table
from umeter_station.vending import new_key
from umeter_station.web import forms, route
from umeter_station.web.desk import customer
from umeter_station.web.forms import Bank, Key, Sentence, Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.papers import written
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/desk")

Reader = Annotated[Caller, page("refunds:read")]
Writer = Annotated[Caller, page("refunds:write")]
KeyPath = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
_LAST = 10


@router.get("/at/{meter}/{ch}/back")
def back(
    request: Request, meter: MeterPath, ch: ChPath, books: BooksDep, who: Reader, waits: int = 0
) -> Response:
    return _page(request, books, who, meter, ch, waits=waits)


@router.post("/at/{meter}/{ch}/take-back")
def take_back(
    request: Request,
    meter: MeterPath,
    ch: ChPath,
    books: BooksDep,
    who: Writer,
    key: Key,
    amount: Typed = "",
) -> Response:
    """The meter gives back at most this, and never what is used already."""
    try:
        amount_u = forms.amount_u(amount)
        with books.db.write() as conn:
            payouts.take_back(conn, meter, ch, amount_u, key, who.by, who.now_s)
    except StationError as error:
        return _again(request, books, who, meter, ch, error, key.removesuffix("t"), take=amount)
    return go_on(f"/console/desk/at/{meter}/{ch}/back", "ordered")


@router.post("/at/{meter}/{ch}/payouts")
def pay_out(
    request: Request,
    meter: MeterPath,
    ch: ChPath,
    books: BooksDep,
    who: Writer,
    key: Key,
    amount: Typed = "",
    reason: Sentence = "",
    bank: Bank = "",
    sure: Tick = "",
) -> Response:
    """In cash from the open shift, or from a bank account; it may wait for a second person."""
    try:
        amount_u = forms.amount_u(amount)
        with books.db.write() as conn:
            shift = shifts.open_of(conn, who.by)
            known = payouts.by_key(conn, key)
            if known is None and not sure:
                raise StationError(_("Say by the tick that the money leaves the drawer."))
            if known is None and not bank and shift is None:
                raise StationError(_("You have no open shift; open one, then pay out."))
            args = {"meter": meter, "ch": ch, "amount_u": amount_u, "reason": reason}
            args |= {"bank": bank or None, "purchase": None, "key": key}
            args["shift_id"] = None if bank or shift is None else shift.id
            done = two_person.pay_out(conn, args, who.by, who.now_s)
    except StationError as error:
        return _again(
            request, books, who, meter, ch, error, key, pay=amount, reason=reason, bank=bank
        )
    if done.approval_id is not None:
        return go_on(f"/console/desk/at/{meter}/{ch}/back?waits={done.approval_id}")
    return go_on(f"/console/desk/payouts/{key}", "done")


@router.get("/payouts/{key}")
def one_payout(request: Request, key: KeyPath, books: BooksDep, who: Reader) -> Response:
    with books.db.read() as conn:
        found = payouts.by_key(conn, key)
        if found is None:
            raise NotFound(_("Nothing was paid out under that key."))
        paper = receipts.of_payout(conn, found, written(books))
        printed = receipts.printed(conn, found.register, found.receipt_no)
    may_sell = who.may("sales:write")
    context = {"payout": found, "paper": paper, "printed": printed, "may_sell": may_sell}
    return render(request, "desk/payout.html", **context)


def _again(
    request: Request,
    books: Any,
    who: Caller,
    meter: str,
    ch: int,
    error: StationError,
    key: str,
    **typed: str,
) -> Response:
    key = "" if isinstance(error, Conflict) else key
    status = status_of(error)
    return _page(request, books, who, meter, ch, wrong=str(error), status=status, key=key, **typed)


def _page(
    request: Request,
    books: Any,
    who: Caller,
    meter: str,
    ch: int,
    *,
    key: str = "",
    wrong: str = "",
    status: int = 200,
    waits: int = 0,
    **typed: str,
) -> Response:
    p = payouts_table.c
    with books.db.read() as conn:
        seen = customer.of(conn, meter, ch, who.now_s)
        where = (p.meter == meter) & (p.ch == ch)
        paid = payouts.page(conn, _LAST, None, where)
        shift = shifts.open_of(conn, who.by)
        drawer_u = None if shift is None else shifts.expected_u(conn, shift.id)
    return render(
        request,
        "desk/back.html",
        status,
        customer=seen,
        paid=paid,
        shift=shift,
        drawer_u=drawer_u,
        may_refund=who.may("refunds:write"),
        key=key or new_key(),
        wrong=wrong,
        waits=waits,
        typed={"take": "", "pay": "", "reason": "", "bank": ""} | typed,
    )

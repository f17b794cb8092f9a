"""Shifts: opened with a float, cash brought and taken, closed by count, told by a Z-report."""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.api import papers
from umeter_station.api.deps import LARGEST, BooksDep, Caller, IdPath
from umeter_station.api.problems import refuse
from umeter_station.desk import shifts, z_paper
from umeter_station.desk.shifts import Shift
from umeter_station.errors import StationError
from umeter_station.vending import new_key
from umeter_station.web import forms, route
from umeter_station.web.desk.sale_routes import paper_answer
from umeter_station.web.forms import Key, Sentence, Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.papers import written
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/shifts")

Reader = Annotated[Caller, page("shifts:read")]
Cashier = Annotated[Caller, page("shifts:write")]
Desk = Annotated[str, Form(max_length=64)]
_PAGE = 30


@router.get("")
def list_shifts(
    request: Request,
    books: BooksDep,
    who: Reader,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    return _list(request, books, who, before)


@router.post("")
def open_shift(
    request: Request, books: BooksDep, who: Cashier, desk: Desk = "", float_: Typed = ""
) -> Response:
    """One per cashier and desk at a time."""
    try:
        float_u = forms.amount_u(float_ or "0")
        with books.db.write() as conn:
            found = shifts.open_(conn, desk.strip(), who.by, float_u, who.by, who.now_s)
    except StationError as error:
        typed = {"desk": desk, "float": float_, "wrong": str(error)}
        return _list(request, books, who, None, status=status_of(error), **typed)
    return go_on(f"/console/shifts/{found.id}", "shift-open")


@router.get("/{shift_id}")
def one_shift(request: Request, shift_id: IdPath, books: BooksDep, who: Reader) -> Response:
    return _shift(request, books, who, shift_id)


@router.post("/{shift_id}/cash")
def move_cash(
    request: Request,
    shift_id: IdPath,
    books: BooksDep,
    who: Cashier,
    key: Key,
    amount: Typed = "",
    reason: Sentence = "",
    way: Annotated[str, Form(pattern="^(in|out)$")] = "in",
) -> Response:
    """From the safe into the drawer, or from there into the safe."""
    try:
        amount_u = forms.amount_u(amount)
        into_u = amount_u if way == "in" else -amount_u
        with books.db.write() as conn:
            _own(conn, who, shift_id)
            shifts.move_cash(conn, shift_id, into_u, reason, key, who.by, who.now_s)
    except StationError as error:
        typed = {"amount": amount, "reason": reason, "way": way, "key": key, "wrong": str(error)}
        return _shift(request, books, who, shift_id, status=status_of(error), **typed)
    return go_on(f"/console/shifts/{shift_id}", "done")


@router.get("/{shift_id}/close")
def count(request: Request, shift_id: IdPath, books: BooksDep, who: Cashier) -> Response:
    return _count(request, books, who, shift_id)


@router.post("/{shift_id}/close")
def close(
    request: Request,
    shift_id: IdPath,
    books: BooksDep,
    who: Cashier,
    counted: Typed = "",
    sure: Tick = "",
) -> Response:
    """What was counted is said before what should be there is shown. Where the two differ, it is
    asked once more."""
    try:
        counted_u = forms.amount_u(counted)
        with books.db.write() as conn:
            found = _own(conn, who, shift_id)
            over_u = counted_u - shifts.expected_u(conn, shift_id)
            asks = found.is_open and over_u and not sure
            if not asks:
                shifts.close(conn, shift_id, counted_u, who.by, who.now_s)
    except StationError as error:
        typed = {"counted": counted, "wrong": str(error)}
        return _count(request, books, who, shift_id, status=status_of(error), **typed)
    if asks:
        return _count(request, books, who, shift_id, counted=counted, over_u=over_u)
    return go_on(f"/console/shifts/{shift_id}", "shift-closed")


@router.get("/{shift_id}/z")
def z_report(
    request: Request,
    shift_id: IdPath,
    books: BooksDep,
    who: Reader,
    form: papers.PaperForm = "html",
    columns: papers.PaperColumns = "48",
) -> Response:
    with books.db.read() as conn:
        found = shifts.get(conn, shift_id)
    if found.report is None:
        raise StationError(_("That shift is open; close it first."))
    paper = z_paper.make(found.report, written(books, form))
    return paper_answer(request, paper, form, columns, f"z-{found.register}-{found.z_no}")


def _own(conn: Any, who: Caller, shift_id: int) -> Shift:
    """A cashier's own shift; whoever may see the audit may see to anybody's."""
    found = shifts.get(conn, shift_id)
    if not _is_own(who, found):
        raise refuse(403, _("That is another cashier's shift."))
    return found


def _is_own(who: Caller, found: Shift) -> bool:
    return found.cashier == who.by or who.may("audit:read")


def _list(
    request: Request,
    books: Any,
    who: Caller,
    before: int | None,
    *,
    status: int = 200,
    wrong: str = "",
    **typed: str,
) -> Response:
    with books.db.read() as conn:
        found = shifts.page(conn, _PAGE + 1, before)
        mine = shifts.open_of(conn, who.by)
        expected_u = {each.id: shifts.expected_u(conn, each.id) for each in found if each.is_open}
    older = f"/console/shifts?before={found[_PAGE - 1].id}" if len(found) > _PAGE else ""
    # The desk that was used last is likely to be the one.
    last = next((each.register for each in found if each.cashier == who.by), "desk")
    return render(
        request,
        "desk/shifts.html",
        status,
        shifts=found[:_PAGE],
        expected_u=expected_u,
        mine=mine,
        older=older,
        may_open=who.may("shifts:write"),
        typed={"desk": last, "float": ""} | typed,
        wrong=wrong,
    )


def _shift(
    request: Request,
    books: Any,
    who: Caller,
    shift_id: int,
    *,
    status: int = 200,
    wrong: str = "",
    key: str = "",
    **typed: str,
) -> Response:
    with books.db.read() as conn:
        found = shifts.get(conn, shift_id)
        moves = shifts.moves(conn, shift_id)
        drawer_u = shifts.expected_u(conn, shift_id)
    return render(
        request,
        "desk/shift.html",
        status,
        shift=found,
        moves=moves,
        drawer_u=drawer_u,
        paper=None if found.report is None else z_paper.make(found.report, written(books)),
        may_change=found.is_open and who.may("shifts:write") and _is_own(who, found),
        typed={"amount": "", "reason": "", "way": "in"} | typed,
        key=key or new_key(),
        wrong=wrong,
    )


def _count(
    request: Request,
    books: Any,
    who: Caller,
    shift_id: int,
    *,
    status: int = 200,
    counted: str = "",
    over_u: int = 0,
    wrong: str = "",
) -> Response:
    with books.db.read() as conn:
        found = _own(conn, who, shift_id)
    if not found.is_open and not wrong:
        return go_on(f"/console/shifts/{shift_id}")
    return render(
        request,
        "desk/count.html",
        409 if over_u else status,
        shift=found,
        counted=counted,
        over_u=over_u,
        wrong=wrong,
    )

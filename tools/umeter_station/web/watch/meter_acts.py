"""What people have a meter do from its page, and what a second person decides."""

from typing import Annotated, Literal

from fastapi import Form, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from umeter_station import account_orders, meters, orders, supply_orders
from umeter_station.api.deps import BooksDep, Caller, ChPath, IdPath, MeterPath
from umeter_station.api.problems import refuse
from umeter_station.errors import StationError
from umeter_station.people import acts, approvals, roles
from umeter_station.station import Books
from umeter_station.web import route
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.watch import channels, meter_page

router = route.router()

Writer = Annotated[Caller, page("orders:write")]
Feeder = Annotated[Caller, page("supply:write")]
# To hold the contact open, to let it be, or to end a lock that only an operator may end.
Supply = Literal["open", "close", "overload", "tamper"]
_LOCKS = ("overload", "tamper")
Held = Literal["accept", "refuse"]


@router.post("/console/meters/{meter}/read")
def read_now(meter: MeterPath, request: Request, books: BooksDep, who: Writer) -> Response:
    """A meter that has one to answer already is not asked for a second."""
    with books.db.write() as conn:
        meters.get(conn, meter)
        order_id = channels.order_waiting(conn, meter, "read", {})
        if order_id is None:
            order_id = orders.order_read(conn, meter, who.now_s, who.by)
            detail = {"order_id": order_id}
            acts.note(conn, who.by, "order.read", f"meter:{meter}", detail, who.now_s)
    if "HX-Request" in request.headers:
        return meter_page.progress(request, books, order_id)
    return _follow(meter, order_id)


def _follow(meter: str, order_id: int) -> Response:
    return go_on(f"/console/meters/{meter}?order={order_id}", "ordered")


@router.get("/console/meters/{meter}/channels/{ch}/supply")
def ask_supply(
    meter: MeterPath,
    ch: ChPath,
    request: Request,
    books: BooksDep,
    who: Feeder,
    state: Annotated[Supply, Query()],
) -> Response:
    """What will happen, before it does."""
    return _ask_supply(request, books, who, meter, ch, state)


def _ask_supply(
    request: Request,
    books: Books,
    who: Caller,
    meter: str,
    ch: int,
    state: str,
    error: StationError | None = None,
) -> Response:
    with books.db.read() as conn:
        known = meters.get(conn, meter)
        meters.check_channel(known, ch)
        seen = channels.live(conn, known, who.now_s, False, who.may("tenants:read"))
        return meter_page.shown(
            request,
            "watch/supply.html",
            books,
            conn,
            who,
            known,
            status_of(error) if error else 200,
            channel=next((found for found in seen.channels if found.ch == ch), None),
            ch=ch,
            state=state,
            needs_two=state not in _LOCKS and approvals.needed(conn, "supply"),
            error=str(error) if error else "",
        )


@router.post("/console/meters/{meter}/channels/{ch}/supply")
def order_supply(
    meter: MeterPath,
    ch: ChPath,
    request: Request,
    books: BooksDep,
    who: Feeder,
    state: Annotated[Supply, Form()],
    sure: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """The very same order, or question to a second person, is not made twice."""
    if not sure:
        error = StationError(_("Tick that you have read what will happen."))
        return _ask_supply(request, books, who, meter, ch, state, error)
    with books.db.write() as conn:
        meters.check_channel(meters.get(conn, meter), ch)
        if state in _LOCKS:
            return _follow(meter, _release(conn, who, meter, ch, state))
        args = {"ch": ch, "state": state}
        waiting = channels.order_waiting(conn, meter, "supply", args)
        if waiting is not None:
            return _follow(meter, waiting)
        asked = approvals.page(conn, 200, who.now_s, only_open=True)
        if any(a.kind == "supply" and a.args == {"meter": meter, **args} for a in asked):
            return go_on(f"/console/meters/{meter}", "second-person")
        done = supply_orders.order(conn, meter, ch, state, who.by, who.now_s)
    if done.result is None:
        return go_on(f"/console/meters/{meter}", "second-person")
    return _follow(meter, done.result["order_id"])


def _release(conn: Connection, who: Caller, meter: str, ch: int, claim: str) -> int:
    op, args = account_orders.release(ch, claim)
    order_id = channels.order_waiting(conn, meter, op, args)
    if order_id is None:
        order_id = orders.place(conn, meter, op, args, who.now_s, who.by)
        detail = {"order_id": order_id, **args}
        acts.note(conn, who.by, "order.release", f"meter:{meter}", detail, who.now_s)
    return order_id


@router.post("/console/meters/{meter}/channels/{ch}/quarantine")
def quarantine(
    meter: MeterPath,
    ch: ChPath,
    books: BooksDep,
    who: Writer,
    action: Annotated[Held, Form()],
) -> Response:
    """Book what the meter holds back as implausible, or give it up."""
    args = {"ch": ch, "action": action}
    with books.db.write() as conn:
        order_id = channels.order_waiting(conn, meter, "quarantine", args)
        if order_id is None:
            order_id = orders.order_quarantine(conn, meter, ch, action, who.now_s, who.by)
            detail = {"order_id": order_id, **args}
            acts.note(conn, who.by, "order.quarantine", f"meter:{meter}", detail, who.now_s)
    return _follow(meter, order_id)


@router.post("/console/orders/{order_id}/cancel")
def cancel(order_id: IdPath, books: BooksDep, who: Writer) -> Response:
    """What the meter has of it already it may still do."""
    with books.db.write() as conn:
        command = orders.get(conn, order_id)
        if command.op in orders.MONEY_OPS:
            raise StationError(
                _("That order moves money; call off the sale or refund that it is of.")
            )
        orders.cancel(conn, order_id, who.by, who.now_s)
        detail = {"op": command.op, "order_id": order_id}
        acts.note(conn, who.by, "order.cancel", f"meter:{command.meter}", detail, who.now_s)
    return go_on(f"/console/meters/{command.meter}/orders", "done")


@router.post("/console/meters/{meter}/approvals/{approval_id}")
def decide(
    meter: MeterPath,
    approval_id: IdPath,
    books: BooksDep,
    who: Feeder,
    yes: Annotated[Literal["yes", "no"], Form()],
) -> Response:
    """By another owner or operator than the one who asked."""
    if who.role not in roles.APPROVERS:
        raise refuse(403, _("That takes an owner or operator."))
    with books.db.write() as conn:
        asked = approvals.get(conn, approval_id, who.now_s)
        if asked.kind != "supply" or asked.args["meter"] != meter:
            raise refuse(404, _("Nothing of that meter waits for a second person there."))
        decided = approvals.decide(conn, approval_id, who.by, yes == "yes", who.now_s)
    if yes == "yes":
        return _follow(meter, decided.outcome["order_id"])
    return go_on(f"/console/meters/{meter}", "done")

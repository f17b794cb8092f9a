"""Agents, who sell for the operator up to a ceiling and pay in what they took."""

from typing import Annotated, Any

from fastapi import Form, Path, Request
from fastapi.responses import Response

from umeter_station import ledger
from umeter_station.api.deps import BooksDep, Caller
from umeter_station.desk import agents, shifts
from umeter_station.errors import StationError
from umeter_station.vending import new_key
from umeter_station.web import forms, route
from umeter_station.web.forms import Bank, Key, Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/shifts/agents")

Reader = Annotated[Caller, page("sales:read")]
Writer = Annotated[Caller, page("tariffs:write")]
Taker = Annotated[Caller, page("sales:write")]
AgentPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,24}$")]


@router.get("")
def list_agents(request: Request, books: BooksDep, who: Reader) -> Response:
    return _page(request, books, who)


@router.post("")
def set_terms(
    request: Request,
    books: BooksDep,
    who: Writer,
    name: Typed = "",
    ceiling: Typed = "",
    permille: Annotated[int, Form(ge=0, le=999)] = 0,
    active: Tick = "",
) -> Response:
    """A new agent, or other terms from now on."""
    try:
        ceiling_u = forms.amount_u(ceiling)
        args = (ceiling_u, permille, who.by, who.now_s, bool(active))
        with books.db.write() as conn:
            agents.set_terms(conn, name.strip(), *args)
    except StationError as error:
        typed = {"name": name, "ceiling": ceiling, "permille": str(permille)}
        return _page(request, books, who, str(error), status_of(error), **typed)
    return go_on("/console/shifts/agents", "saved")


@router.post("/{agent}/payments")
def pays(
    request: Request,
    agent: AgentPath,
    books: BooksDep,
    who: Taker,
    key: Key,
    amount: Typed = "",
    bank: Bank = "",
) -> Response:
    """Into the caller's open shift, or into a bank account, once per key."""
    try:
        amount_u = forms.amount_u(amount)
        with books.db.write() as conn:
            shift = shifts.open_of(conn, who.by)
            if not bank and shift is None:
                raise StationError(_("You have no open shift; open one, then take the money."))
            drawer = ledger.cash(None if shift is None else shift.id)
            into = ledger.bank(bank) if bank else drawer
            agents.settle(conn, agent, amount_u, into, key, who.by, who.now_s)
    except StationError as error:
        return _page(request, books, who, str(error), status_of(error))
    return go_on("/console/shifts/agents", "done")


def _page(
    request: Request,
    books: Any,
    who: Caller,
    wrong: str = "",
    status: int = 200,
    **typed: str,
) -> Response:
    with books.db.read() as conn:
        found = agents.all_agents(conn)
        shift = shifts.open_of(conn, who.by)
    return render(
        request,
        "desk/agents.html",
        status,
        agents=[(agent, new_key()) for agent in found],
        shift=shift,
        may_set=who.may("tariffs:write"),
        may_take=who.may("sales:write"),
        wrong=wrong,
        typed={"name": "", "ceiling": "", "permille": "0"} | typed,
    )

"""What waits for a second person: looked at, agreed to or refused; and where two are needed."""

from typing import Annotated, Any, Literal

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station import supply_orders as supply_orders  # Registers what is carried out.
from umeter_station.api.deps import LARGEST, BooksDep, Caller, IdPath
from umeter_station.api.problems import refuse
from umeter_station.desk import two_person as two_person  # Registers what is carried out.
from umeter_station.errors import StationError
from umeter_station.people import approvals
from umeter_station.people.approvals import KINDS
from umeter_station.web import route
from umeter_station.web.forms import Tick
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.people import approval_view
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/approvals")

Reader = Annotated[Caller, page("audit:read", *KINDS.values())]
Decider = Annotated[Caller, page(*KINDS.values())]
Giver = Annotated[Caller, page("people:write")]
_OPEN, _DECIDED = 100, 25


@router.get("")
def waiting(
    request: Request,
    books: BooksDep,
    who: Reader,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    return _page(request, books, who, before)


@router.post("/{approval_id}")
def decide(
    request: Request,
    approval_id: IdPath,
    books: BooksDep,
    who: Decider,
    yes: Annotated[Literal["yes", "no"], Form()],
) -> Response:
    try:
        with books.db.write() as conn:
            asked = approvals.get(conn, approval_id, who.now_s)
            if not approval_view.may_decide(who, asked.kind):
                raise refuse(403, _("That takes an owner or operator with the right to it."))
            approvals.decide(conn, approval_id, who.by, yes == "yes", who.now_s)
    except StationError as error:
        return _page(request, books, who, None, str(error), status_of(error))
    return go_on("/console/approvals", "agreed" if yes == "yes" else "declined")


@router.post("/switches/{kind}")
def switch(
    kind: Literal[tuple(KINDS)],
    books: BooksDep,
    who: Giver,
    on: Tick = "",
) -> Response:
    with books.db.write() as conn:
        approvals.switch(conn, kind, bool(on), who.by, who.now_s)
    return go_on("/console/approvals", "saved")


def _page(
    request: Request,
    books: Any,
    who: Caller,
    before: int | None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    with books.db.read() as conn:
        wait = [] if before else approval_view.page(conn, who, _OPEN, None, True)
        seen = approval_view.page(conn, who, _DECIDED + 1, before, False)
        switches = {kind: approvals.needed(conn, kind) for kind in KINDS}
    return render(
        request,
        "people/approvals.html",
        status,
        waiting=wait,
        past=[each for each in seen[:_DECIDED] if each.approval.state != "asked"],
        older=f"?before={seen[_DECIDED - 1].approval.id}" if len(seen) > _DECIDED else "",
        switches=switches,
        before=before,
        wrong=wrong,
        may_switch=who.may("people:write"),
    )

"""The reconciliation report, and one made now."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import LARGEST, BooksDep, Caller
from umeter_station.desk import reconcile
from umeter_station.errors import NotFound
from umeter_station.people import acts
from umeter_station.web import route
from umeter_station.web.audit import report as reports
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on
from umeter_station.web.templating import render

router = route.router("/console/reconciliation")

Reader = Annotated[Caller, page("audit:read")]
Writer = Annotated[Caller, page("audit:write")]
_LAST = 30


@router.get("")
def reconciliation(
    request: Request,
    books: BooksDep,
    who: Reader,
    report: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """The newest report, or the one of that number."""
    with books.db.read() as conn:
        found = reports.newest(conn, report)
        if found is None and report is not None:
            raise NotFound(_("There is no such report."))
        groups = [] if found is None else reports.groups(conn, found)
        context = {
            "last": [
                (each.id, each.at, len(each.mismatches)) for each in reconcile.page(conn, _LAST)
            ],
            "broken": reconcile.verify(conn),
            "accounts": reports.of_the_house(conn),
        }
    may_run = who.may("audit:write")
    return render(
        request, "audit/report.html", report=found, groups=groups, may_run=may_run, **context
    )


@router.post("")
def run(books: BooksDep, who: Writer) -> Response:
    """Compare now. Twice it is two reports, and nothing else."""
    report = reconcile.run(books)
    with books.db.write() as conn:
        acts.note(conn, who.by, "reconcile", f"reconciliation:{report.id}", {}, who.now_s)
    return go_on("/console/reconciliation", "done")

"""The acts: sought by who, what, about what and when; whether their chain is whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from umeter_station.api.deps import LARGEST, BooksDep, Caller
from umeter_station.api.export_formats import FORMATS
from umeter_station.api.export_tables import Row, Table
from umeter_station.errors import StationError
from umeter_station.ops.jobs import zone
from umeter_station.people import acts
from umeter_station.web import forms, route
from umeter_station.web.acts import view
from umeter_station.web.guard import page
from umeter_station.web.route import status_of
from umeter_station.web.templating import render

router = route.router("/console/acts")

Auditor = Annotated[Caller, page("audit:read")]
Sought = Annotated[str, Query(max_length=120)]
Moment = Annotated[str, Query(max_length=20)]
Head = Annotated[str, Query(pattern=r"^([0-9a-f]{64})?$")]
_SHOWN, _AT_ONCE = 50, 2_000
_COLUMNS = (("n", True), ("at", True), *((name, False) for name in ("by", "act", "about")))


@dataclass(frozen=True)
class Wish:
    """What is sought, as it is typed."""

    by: str
    act: str
    about: str
    since: str
    until: str

    @property
    def query(self) -> str:
        return urlencode({name: value for name, value in self.__dict__.items() if value})

    def found(self, books: Any, conn: Any, limit: int, before_n: int | None) -> list[acts.Act]:
        """Raises StationError for a moment that is none."""
        where = zone(books.config.jobs.timezone)
        return acts.newest(
            conn,
            limit,
            before_n,
            by=self.by.strip() or None,
            about=self.about.strip() or None,
            act=self.act.strip() or None,
            since_s=forms.moment_s(self.since, where, 0) or None,
            until_s=forms.moment_s(self.until, where, 0) or None,
        )


def wish(
    by: Sought = "", act: Sought = "", about: Sought = "", since: Moment = "", until: Moment = ""
) -> Wish:
    return Wish(by, act, about, since, until)


WishDep = Annotated[Wish, Depends(wish)]


@router.get("")
def list_acts(
    request: Request,
    books: BooksDep,
    _who: Auditor,
    wish: WishDep,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    wrong, status, rows = "", 200, []
    with books.db.read() as conn:
        try:
            rows = wish.found(books, conn, _SHOWN + 1, before)
        except StationError as error:
            wrong, status = str(error), status_of(error)
    older = ""
    if len(rows) > _SHOWN:
        older = f"?{wish.query}&before={rows[_SHOWN - 1].n}"
    return render(
        request,
        "acts/acts.html",
        status,
        acts=[view.line(act) for act in rows[:_SHOWN]],
        older=older,
        wish=wish,
        wrong=wrong,
    )


@router.get("/chain")
def chain(request: Request, books: BooksDep, _who: Auditor, head: Head = "") -> Response:
    """Walk all of it; that takes a while, and is therefore asked for."""
    with books.db.read() as conn:
        verdict = acts.verify(conn, head)
    return render(request, "acts/chain.html", verdict=verdict, head=head)


@router.get("/acts.csv")
def as_file(books: BooksDep, who: Auditor, wish: WishDep) -> Response:
    """All that is sought, the newest first. Raises StationError for a moment that is none."""
    table = Table((*_COLUMNS, ("detail", False)), lambda _db, _wanted: iter(()))
    with books.db.write() as conn:
        wish.found(books, conn, 1, None)
        detail = {name: value for name, value in wish.__dict__.items() if value}
        acts.note(conn, who.by, "export", "table:acts", detail, who.now_s)
    kind, written = FORMATS["csv"]
    return StreamingResponse(
        written(table, _batches(books, wish)),
        media_type=kind,
        headers={"Content-Disposition": 'attachment; filename="acts.csv"'},
    )


def _batches(books: Any, wish: Wish) -> Iterator[list[Row]]:
    before_n: int | None = None
    while True:
        with books.db.read() as conn:
            rows = wish.found(books, conn, _AT_ONCE, before_n)
        if rows:
            yield [view.row(act) for act in rows]
        if len(rows) < _AT_ONCE:
            return
        before_n = rows[-1].n

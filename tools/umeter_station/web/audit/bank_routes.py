"""The bank's files into the books, and the list of money without an owner."""

from typing import Annotated, Any

from fastapi import File, Form, Query, Request, UploadFile
from fastapi.responses import Response

from umeter_station.api.deps import LARGEST, BooksDep, Caller, IdPath
from umeter_station.desk import find
from umeter_station.errors import NotFound, StationError
from umeter_station.pay import bank_import, bank_profile, suspense
from umeter_station.web import route
from umeter_station.web.forms import Sentence, Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/reconciliation")

Reader = Annotated[Caller, page("sales:read")]
Teller = Annotated[Caller, page("sales:write")]
Decider = Annotated[Caller, page("refunds:write")]
_PAGE = 50


@router.get("/bank")
def bank(
    request: Request,
    books: BooksDep,
    who: Reader,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> Response:
    return _page(request, books, who, after)


@router.post("/bank")
def import_file(
    request: Request,
    books: BooksDep,
    who: Teller,
    bank: Annotated[str, Form(pattern=r"^[a-z0-9-]{1,32}$")],
    file: Annotated[UploadFile, File()],
) -> Response:
    """The same file again does nothing; a line that is in two files is booked once."""
    name = (file.filename or "file")[:255]
    try:
        profile = bank_profile.load(books.config.home, bank)
        bank_import.import_file(books.db, books.clock, file.file, name, profile, who.by)
    except StationError as error:
        return _page(request, books, who, 0, str(error), status_of(error))
    return go_on("/console/reconciliation/bank", "done")


@router.get("/suspense/{item_id}")
def one_item(request: Request, item_id: IdPath, books: BooksDep, who: Reader) -> Response:
    return _item(request, books, who, item_id)


@router.post("/suspense/{item_id}/{act}")
def decide(
    request: Request,
    item_id: IdPath,
    act: str,
    books: BooksDep,
    who: Decider,
    place: Typed = "",
    tenant: Typed = "",
    provider: Annotated[str, Form(pattern=r"^[a-z]{0,32}$")] = "",
    note: Sentence = "",
    sure: Tick = "",
) -> Response:
    """Each item ends once; asked again the same way, it is the same."""
    try:
        if not sure:
            raise StationError(_("Say by the tick that it shall be so: it cannot be undone."))
        with books.db.write() as conn:
            if act == "channel":
                meter, ch = find.place_of(place)
                suspense.assign(conn, item_id, meter, ch, who.by, who.now_s)
            elif act == "tenant":
                suspense.assign_wallet(conn, item_id, _number(tenant), who.by, who.now_s)
            elif act == "provider":
                suspense.assign_clearing(conn, item_id, provider, who.by, who.now_s)
            elif act == "return":
                suspense.return_(conn, item_id, who.by, who.now_s, note)
            elif act == "recover":
                meter, ch = find.place_of(place)
                suspense.recover(conn, item_id, meter, ch, who.by, who.now_s)
            elif act == "write-off":
                suspense.write_off(conn, item_id, who.by, who.now_s, note)
            else:
                raise NotFound(_("That cannot be done with it."))
    except StationError as error:
        typed = {"place": place, "tenant": tenant, "provider": provider, "note": note}
        return _item(request, books, who, item_id, str(error), status_of(error), **typed)
    return go_on(f"/console/reconciliation/suspense/{item_id}", "done")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise StationError(_("A tenant is meant by a number, as it stands in the address."))
    return int(text)


def _page(
    request: Request, books: Any, who: Caller, after: int, wrong: str = "", status: int = 200
) -> Response:
    with books.db.read() as conn:
        items = suspense.page(conn, _PAGE + 1, after)
        files = bank_import.files(conn, 10)
    return render(
        request,
        "audit/bank.html",
        status,
        banks=bank_profile.names(books.config.home),
        files=files,
        items=items[:_PAGE],
        more=items[_PAGE - 1].id if len(items) > _PAGE else 0,
        may_import=who.may("sales:write"),
        wrong=wrong,
    )


def _item(
    request: Request,
    books: Any,
    who: Caller,
    item_id: int,
    wrong: str = "",
    status: int = 200,
    **typed: str,
) -> Response:
    with books.db.read() as conn:
        item = suspense.get(conn, item_id)
    return render(
        request,
        "audit/item.html",
        status,
        item=item,
        may_decide=who.may("refunds:write") and item.state == "open",
        typed={"place": "", "tenant": "", "provider": "", "note": ""} | typed,
        wrong=wrong,
    )

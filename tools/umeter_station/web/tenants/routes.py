"""The list of tenants, one of them, and their logins."""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import LARGEST, BooksDep, Caller, IdPath
from umeter_station.errors import NotFound, StationError
from umeter_station.people import accounts, passwords, tenants
from umeter_station.vending import new_key
from umeter_station.web import route
from umeter_station.web.guard import page
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render
from umeter_station.web.tenants import view

router = route.router("/console/tenants")

Reader = Annotated[Caller, page("tenants:read")]
Writer = Annotated[Caller, page("tenants:write")]
Line = Annotated[str, Form(max_length=254)]
_PAGE = 50


@router.get("")
def list_tenants(
    request: Request,
    books: BooksDep,
    who: Reader,
    q: Annotated[str, Query(max_length=120)] = "",
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> Response:
    """As somebody types, only the table."""
    part = "HX-Request" in request.headers
    with books.db.read() as conn:
        found = tenants.page(conn, _PAGE + 1, after, q.strip())
        shown = [
            (tenant, sorted(tenants.channels_of(conn, tenant.id, who.now_s)))
            for tenant in found[:_PAGE]
        ]
    return render(
        request,
        "tenants/found.html" if part else "tenants/list.html",
        tenants=shown,
        q=q,
        more=found[_PAGE - 1].id if len(found) > _PAGE else 0,
        may_write=who.may("tenants:write"),
    )


@router.get("/new")
def new(request: Request, who: Writer) -> Response:
    return _form(request)


@router.post("/new")
def add(
    request: Request,
    books: BooksDep,
    who: Writer,
    name: Line = "",
    email: Line = "",
    phone: Line = "",
    language: Annotated[str, Form(max_length=12)] = "en",
) -> Response:
    typed = {"name": name, "email": email, "phone": phone, "language": language}
    try:
        with books.db.write() as conn:
            tenant_id = tenants.add(conn, by=who.by, now_s=who.now_s, **typed)
    except StationError as error:
        return _form(request, typed, str(error), status_of(error))
    return go_on(f"/console/tenants/{tenant_id}", "tenant-added")


@router.get("/{tenant_id}")
def one(request: Request, tenant_id: IdPath, books: BooksDep, who: Reader) -> Response:
    return tenant_page(request, books, who, tenant_id)


@router.get("/{tenant_id}/change")
def change_form(request: Request, tenant_id: IdPath, books: BooksDep, who: Writer) -> Response:
    with books.db.read() as conn:
        known = tenants.get(conn, tenant_id)
    names = ("name", "email", "phone", "language")
    return _form(request, {name: getattr(known, name) for name in names}, tenant_id=tenant_id)


@router.post("/{tenant_id}/change")
def change(
    request: Request,
    tenant_id: IdPath,
    books: BooksDep,
    who: Writer,
    name: Line = "",
    email: Line = "",
    phone: Line = "",
    language: Annotated[str, Form(max_length=12)] = "en",
) -> Response:
    typed = {"name": name, "email": email, "phone": phone, "language": language}
    try:
        with books.db.write() as conn:
            tenants.change(conn, tenant_id, typed, who.by, who.now_s)
    except StationError as error:
        return _form(request, typed, str(error), status_of(error), tenant_id)
    return go_on(f"/console/tenants/{tenant_id}", "saved")


@router.post("/{tenant_id}/logins")
def add_login(
    request: Request, tenant_id: IdPath, books: BooksDep, who: Writer, login: Line = ""
) -> Response:
    """With a password made here, which is shown this once and stored nowhere."""
    password = view.start_password()
    try:
        hashed = passwords.hashed(password, login)
        with books.db.write() as conn:
            args = (login, "tenant", hashed, who.by, who.now_s)
            person = accounts.add(conn, *args, tenant_id=tenant_id)
    except StationError as error:
        return tenant_page(
            request, books, who, tenant_id, str(error), status_of(error), login=login
        )
    return tenant_page(request, books, who, tenant_id, told=(person.name, password))


@router.post("/{tenant_id}/logins/{person_id}/password")
def new_password(
    request: Request, tenant_id: IdPath, person_id: IdPath, books: BooksDep, who: Writer
) -> Response:
    """For who has forgotten it."""
    password = view.start_password()
    with books.db.read() as conn:
        name = _login(conn, tenant_id, person_id).name
    hashed = passwords.hashed(password, name)
    with books.db.write() as conn:
        accounts.set_password(conn, person_id, hashed, who.by, who.now_s)
    return tenant_page(request, books, who, tenant_id, told=(name, password))


@router.post("/{tenant_id}/logins/{person_id}/{switch}")
def switch_login(
    tenant_id: IdPath, person_id: IdPath, switch: str, books: BooksDep, who: Writer
) -> Response:
    """`switch`: disable or enable."""
    if switch not in ("disable", "enable"):
        raise NotFound("A login is enabled or disabled.")
    with books.db.write() as conn:
        _login(conn, tenant_id, person_id)
        do = accounts.disable if switch == "disable" else accounts.enable
        do(conn, person_id, who.by, who.now_s)
    return go_on(f"/console/tenants/{tenant_id}", "saved")


def _login(conn: Any, tenant_id: int, person_id: int) -> accounts.Person:
    # Else whoever may write tenants could give an owner a password.
    person = accounts.get(conn, person_id)
    if person.tenant_id != tenant_id:
        raise NotFound(f"Tenant {tenant_id} has no login {person_id}.")
    return person


def tenant_page(
    request: Request,
    books: Any,
    who: Caller,
    tenant_id: int,
    wrong: str = "",
    status: int = 200,
    *,
    told: tuple[str, str] | None = None,
    login: str = "",
    place: str = "",
    date: str = "",
) -> Response:
    """`told`: a name and a password that are shown this once."""
    with books.db.read() as conn:
        known = view.of(conn, tenant_id)
    return render(
        request,
        "tenants/tenant.html",
        status,
        known=known,
        told=told,
        typed={"login": login, "place": place, "date": date},
        key=new_key(),
        may_write=who.may("tenants:write"),
        wrong=wrong,
    )


def _form(
    request: Request,
    typed: dict[str, str] | None = None,
    wrong: str = "",
    status: int = 200,
    tenant_id: int = 0,
) -> Response:
    typed = typed or {"name": "", "email": "", "phone": "", "language": "en"}
    context = {"typed": typed, "wrong": wrong, "tenant_id": tenant_id}
    return render(request, "tenants/form.html", status, **context)

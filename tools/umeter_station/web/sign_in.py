"""Signing in and out, and the choice of language and colours."""

from typing import Annotated

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.api import entry
from umeter_station.api.deps import BooksDep, Caller
from umeter_station.people import passwords, roles, sign_in
from umeter_station.web import language, route, templating
from umeter_station.web.guard import person, stranger
from umeter_station.web.language import gettext as _
from umeter_station.web.navigation import home_of
from umeter_station.web.route import go_on
from umeter_station.web.templating import render

router = route.router()

_YEAR_S = 365 * 86_400
Anybody = Annotated[Caller | None, stranger("whoever signs in has nothing yet")]
Text = Annotated[str, Form(max_length=passwords.MAX_CHARS)]


@router.get("/")
def front(who: Annotated[Caller | None, stranger("it only leads on")]) -> Response:
    return go_on(home_of(who.scopes) if who else "/sign-in")


@router.get("/sign-in")
def form(
    request: Request, who: Anybody, next: Annotated[str, Query(max_length=2000)] = ""
) -> Response:
    if who is not None:
        return go_on(inside(next) or home_of(who.scopes))
    return _form(request, next)


@router.post("/sign-in")
def start(
    request: Request,
    books: BooksDep,
    _who: Anybody,
    name: Text = "",
    password: Text = "",
    code: Annotated[str, Form(max_length=40)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    try:
        session, token = entry.enter(request, books, name, password, code)
    except sign_in.Refused as error:
        status = 429 if error.wait_s else 401
        return _form(request, next, status, sentence(error), name, error.code_needed)
    response = go_on(inside(next) or home_of(roles.scopes_of(session.role)))
    entry.give_cookie(request, response, token, session.expires_at - books.clock.now_s())
    return response


@router.post("/sign-out")
def end(request: Request, books: BooksDep, who: Annotated[Caller, person()]) -> Response:
    entry.leave(books, who)
    response = go_on("/sign-in", "signed-out")
    entry.take_cookie(request, response)
    return response


@router.post("/preferences")
def prefer(
    request: Request,
    _who: Annotated[Caller | None, stranger("colours and language are anybody's")],
    lang: Annotated[str, Form(max_length=8)] = "",
    theme: Annotated[str, Form(max_length=8)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    response = go_on(inside(next) or "/")
    known = {each.code for each in request.app.state.languages.all}
    secure = not request.app.state.settings.plain_http
    for cookie, value, choices in (
        (language.COOKIE, lang, known),
        (templating.THEME_COOKIE, theme, templating.THEMES),
    ):
        if value in choices:
            response.set_cookie(
                cookie, value, max_age=_YEAR_S, secure=secure, httponly=True, samesite="lax"
            )
    return response


def inside(path: str) -> str:
    """The path if it is one of this station's pages, else nothing: no link signs one in and leads
    somewhere else."""
    is_one = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_one and path.isprintable() else ""


def _form(
    request: Request,
    next: str,
    status: int = 200,
    error: str = "",
    name: str = "",
    needs_code: bool = False,
) -> Response:
    return render(
        request,
        "sign_in.html",
        status,
        next=inside(next),
        error=error,
        name=name,
        needs_code=needs_code,
    )


def sentence(error: sign_in.Refused) -> str:
    if error.wait_s:
        return _("Too many tries; try again in %(seconds)s s.") % {"seconds": error.wait_s}
    if error.code_needed:
        return _("The one-time code of your device is needed, too.")
    return _("That name and password, or that code, are not right.")

"""A page as an endpoint: its language is known before it begins, and what it refuses is a page."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from umeter_station.api.problems import log
from umeter_station.errors import Conflict, NotFound, StationError, Unavailable
from umeter_station.web import language, sentences
from umeter_station.web.language import COOKIE, Languages
from umeter_station.web.language import gettext as _
from umeter_station.web.templating import render


class PageRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            speak(request)
            try:
                return await answer(request)
            except HTTPException as error:
                return refusal(request, error.status_code, str(error.detail), error.headers)
            except RequestValidationError:
                return refusal(request, 400, _("Something in the address or form is not right."))
            except Unavailable as error:
                log.error("%s", error, exc_info=error)
                return refusal(request, 503, str(error))
            except StationError as error:
                return refusal(request, status_of(error), str(error))

        return handler


def status_of(error: StationError) -> int:
    kinds = ((Unavailable, 503), (Conflict, 409), (NotFound, 404))
    return next((status for kind, status in kinds if isinstance(error, kind)), 400)


def router(prefix: str = "") -> APIRouter:
    """For pages; none of them stands in the API's description."""
    return APIRouter(prefix=prefix, route_class=PageRoute, include_in_schema=False)


def speak(request: Request) -> None:
    """Have this request answered in its reader's language."""
    languages: Languages = request.app.state.languages
    accepted = request.headers.get("Accept-Language", "")
    language.use(languages.choose(request.cookies.get(COOKIE), accepted))


def refusal(
    request: Request, status: int, text: str, headers: dict[str, str] | None = None
) -> Response:
    if status == 401:
        return _to_sign_in(request)
    told = sentences.say(text)
    response = render(request, "error.html", status, status_code=status, text=told)
    response.headers.update(headers or {})
    return response


def _to_sign_in(request: Request) -> Response:
    """And back again, if it was a page that can be opened."""
    is_part = "HX-Request" in request.headers
    back = request.headers.get("HX-Current-URL", "") if is_part else str(request.url)
    # Only the path: the address that a browser names must not lead to another site.
    _scheme, _sep, rest = back.partition("://")
    path = "/" + rest.partition("/")[2] if rest else ""
    where = "/sign-in"
    if path and (request.method == "GET" or is_part):
        where += "?next=" + quote(path, safe="/")
    if is_part:
        return Response(headers={"HX-Redirect": where})
    return RedirectResponse(where, 303)


def go_on(path: str, said: str = "") -> RedirectResponse:
    """After a form has done what it was for: back does not send it again. `said` is the name of
    a sentence in said.html."""
    if said:
        path += ("&" if "?" in path else "?") + f"said={said}"
    return RedirectResponse(path, 303)

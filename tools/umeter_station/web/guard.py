"""Who may see a page. Every page has `who: Annotated[Caller, page("area:read")]`, `person()` if it
is for whoever signed in, or `stranger("why")` if it is open to everybody; a site with a page that
has none does not start.

A page that changes something is a form. Its hidden `csrf` must be that of the session, and the
browser must say that it was sent from a page of ours.
"""

from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from umeter_station.api.deps import (
    CSRF_HEADER,
    SAFE_METHODS,
    Anyone,
    Caller,
    Need,
    SignedIn,
    person_of,
)
from umeter_station.api.problems import refuse, too_many

CSRF_FIELD = "csrf"
_STALE = "That page was of another session; open it again and send it once more."
_OURS = ("same-origin", "none")


def page(*scopes: str) -> Any:
    return Depends(PageGuard(Need(*scopes)))


def person() -> Any:
    """Whoever has signed in, to what is their own alone."""
    return Depends(PageGuard(SignedIn()))


def stranger(why: str) -> Any:
    """Strangers share a small token bucket per address for what they send."""
    return Depends(StrangerGuard(why))


class PageGuard:
    """A dependency: the caller, who is a person with a session."""

    def __init__(self, need: Need) -> None:
        self.need = need

    async def __call__(self, request: Request) -> Caller:
        shown = None
        if request.method not in SAFE_METHODS:
            check_origin(request)
            form = await request.form()
            shown = str(form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER, ""))
        who = await run_in_threadpool(person_of, request, shown, _STALE)
        if who is None:
            raise refuse(401, "Sign in first.")
        waits = request.app.state.per_caller.take(who.by)
        if waits:
            raise too_many(waits)
        self.need.check(who)
        request.state.who = who
        return who


class StrangerGuard(Anyone):
    """A dependency: whoever has signed in all the same, or None."""

    async def __call__(self, request: Request) -> Caller | None:
        if request.method not in SAFE_METHODS:
            check_origin(request)
            super().__call__(request)
        who = await run_in_threadpool(person_of, request, None, _STALE)
        request.state.who = who
        return who


def check_origin(request: Request) -> None:
    """Browsers say where a form was; another site cannot have them say something else."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        if site in _OURS:
            return
    elif origin is not None and urlsplit(origin).netloc == request.headers.get("Host"):
        return
    raise refuse(403, "That was not sent from a page of this station; open the page again.")


def guard_of(route: Any) -> PageGuard | StrangerGuard:
    """What a page declares. Raises TypeError if it declares nothing."""
    kinds = PageGuard | StrangerGuard
    found = [d.call for d in route.dependant.dependencies if isinstance(d.call, kinds)]
    if len(found) != 1:
        raise TypeError(f"{route.name} ({route.path}) needs exactly one page() or stranger().")
    return found[0]

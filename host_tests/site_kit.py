"""All pages of the site, callers of every role, and what each guard says to them."""

import re
import typing
from contextlib import contextmanager

import pytest
from starlette.exceptions import HTTPException

from api_kit import Api, filled, quick_passwords
from station_kit import NOW_S
from umeter_station.api.deps import CSRF_HEADER, Caller
from umeter_station.people import roles
from umeter_station.web import live, site
from umeter_station.web.guard import PageGuard

ROLE_OF = {
    "anna": "owner",
    "olaf": "operator",
    "carl": "cashier",
    "ada": "auditor",
    "tess": "tenant",
}
PAGES = [(route, method) for route in site.pages() for method in sorted(route.methods)]


@contextmanager
def lived_in_site(folder):
    """With a sale and a payment of each household; live parts end after a look."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        quick_passwords(monkeypatch)
        monkeypatch.setattr(live, "_events", _one_look)
        api = Api(folder, make_app=site.create_site)
        api.live_in()
        yield api
        api.close()


async def _one_look(request, look, every_s, first):
    """A live part as it is sent first, and once more; it would go on for minutes."""
    yield first
    yield look()


def name_of(case):
    route, method = case
    return f"{method} {route.path}"


def path_of(route, **known):
    """With the first of what may stand in a place, where that is a choice of words."""
    path = route.path
    for field in route.dependant.path_params:
        choice = typing.get_args(field.field_info.annotation)
        if typing.get_origin(field.field_info.annotation) is typing.Literal:
            path = re.sub(rf"{{{field.name}(:\w+)?}}", str(choice[0]), path)
    return filled(path, **known)


def client_of(api, name, csrf=True):
    options = {"follow_redirects": False, "raise_server_exceptions": False}
    if name == "nobody":
        return api.client(**options)
    client = api.as_(name, **options)
    if not csrf:
        del client.headers[CSRF_HEADER]
    return client


def may(guard, name):
    """What the guard says to somebody with the scopes of that role."""
    if not isinstance(guard, PageGuard):
        return True
    if name == "nobody":
        return False
    role = ROLE_OF[name]
    number = 1 if role == "tenant" else None
    who = Caller(name, role, roles.scopes_of(role), NOW_S, tenant_id=number, person_id=1)
    try:
        guard.need.check(who)
    except HTTPException:
        return False
    return True

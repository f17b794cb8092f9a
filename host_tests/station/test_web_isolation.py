"""Every page times every caller: who gets in, and that no tenant learns of another.

The pages are taken from the site, so that one that is added is tried without being named here.
"""

import re

import pytest

from api_kit import OTHERS_TOLD
from site_kit import PAGES, ROLE_OF, client_of, lived_in_site, may, name_of, path_of
from umeter_station.api.deps import SignedIn
from umeter_station.people import roles
from umeter_station.web.guard import PageGuard, guard_of
from web_kit import FROM_US

CALLERS = ("nobody", *ROLE_OF)
# Open to everybody, each with a reason in its guard, and nothing else.
OPEN = ("/", "/sign-in", "/preferences", "/pay")
# tess has channel 1 of m1; 2 is another's, 3 nobody's, m2 and m9 hold none of hers.
OTHERS = [("m1", 2), ("m1", 3), ("m2", 1), ("m9", 1)]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    with lived_in_site(tmp_path_factory.mktemp("site")) as api:
        yield api


def test_what_is_open_to_everybody_is_known():
    found = {route.path for route, _ in PAGES if not isinstance(guard_of(route), PageGuard)}
    assert {path for path in found if not path.startswith(OPEN[1:])} <= {"/"}


def test_no_page_has_two_names_and_none_changes_anything_by_a_link():
    names = [name_of(case) for case in PAGES]
    assert len(set(names)) == len(names)
    assert {method for _, method in PAGES} <= {"GET", "POST"}


def test_tenants_have_no_right_to_any_page_of_the_console():
    for route, _ in PAGES:
        scopes = set(getattr(getattr(guard_of(route), "need", None), "scopes", ()))
        if route.path.startswith("/console"):
            assert scopes and not scopes & roles.SCOPES["tenant"], route.path
        if route.path.startswith("/home"):
            assert scopes and scopes <= roles.SCOPES["tenant"], route.path


@pytest.mark.parametrize("name", CALLERS)
def test_who_gets_in(lived_in, name):
    wrong = []
    client = client_of(lived_in, name)
    for route, method in PAGES:
        is_let_in = may(guard_of(route), name)
        answer = client.request(method, path_of(route), headers=FROM_US)
        told = (method, route.path, answer.status_code, answer.headers.get("Location", ""))
        to_sign_in = told[3].startswith("/sign-in")
        if answer.status_code >= 500:
            wrong.append(told)
        elif name == "nobody":
            led_in = route.path not in ("/", "/sign-in")
            if is_let_in == (answer.status_code == 303 and to_sign_in and led_in):
                wrong.append(told)
        elif is_let_in:
            refused = answer.status_code in (401, 403) and route.path != "/sign-in"
            if refused or (to_sign_in and route.path != "/sign-out"):
                wrong.append(told)
        elif answer.status_code != 403:
            wrong.append(told)
        if is_let_in and method == "POST" and answer.status_code < 400:
            client = client_of(lived_in, name)  # It may have ended the session.
    assert not wrong, "\n".join(map(str, wrong))


def test_every_form_needs_the_token_of_its_session(lived_in):
    wrong = []
    clients = {name: client_of(lived_in, name, csrf=False) for name in ("anna", "tess")}
    for route, method in PAGES:
        guard = guard_of(route)
        if method == "GET" or not isinstance(guard, PageGuard):
            continue
        client = clients["anna" if may(guard, "anna") else "tess"]
        for form in ({}, {"csrf": "x" * 64}):
            answer = client.post(path_of(route), data=form, headers=FROM_US)
            if answer.status_code != 403:
                wrong.append((route.path, form, answer.status_code))
    assert not wrong, wrong


def test_no_other_site_can_have_a_form_sent(lived_in):
    wrong = []
    clients = {name: client_of(lived_in, name) for name in ("anna", "tess")}
    for route, method in PAGES:
        if method == "GET":
            continue
        client = clients["anna" if may(guard_of(route), "anna") else "tess"]
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {}):
            answer = client.post(path_of(route), headers=headers)
            if answer.status_code != 403:
                wrong.append((route.path, headers, answer.status_code))
    assert not wrong, wrong


OWN = [case for case in PAGES if may(guard_of(case[0]), "tess")]
OWN = [
    case
    for case in OWN
    if isinstance(guard_of(case[0]), PageGuard)
    and not isinstance(guard_of(case[0]).need, SignedIn)
]


def _asked(client, case, meter="m1", ch=1, number=1):
    """A page asked about a channel, or about something with a number: in its path, its query and
    its form."""
    route, method = case
    known = {"meter": meter, "ch": str(ch), "channel": f"{meter}.{ch}"}
    query = {
        field.name: known[field.name]
        for field in _fields(route.dependant, "query_params")
        if field.name in known
    }
    form = None
    if method == "POST":
        form = {field.name: "1" for field in _fields(route.dependant, "body_params")}
        form |= {name: value for name, value in known.items() if name in form}
        form |= {"key": f"key-{meter}-{ch}-{number}"} if "key" in form else {}
    path = path_of(route, meter=meter, ch=ch, number=number)
    return client.request(method, path, params=query, data=form, headers=FROM_US)


def _fields(dependant, kind):
    found = list(getattr(dependant, kind))
    for below in dependant.dependencies:
        found += _fields(below, kind)
    return found


def _takes_channel(route):
    names = {
        f.name for kind in ("query_params", "body_params") for f in _fields(route.dependant, kind)
    }
    return "{meter}" in route.path or "channel" in names or {"meter", "ch"} <= names


def _only_hers(answer):
    assert answer.status_code < 500, answer.text
    for told in ("Tenant 2", "ulla", *OTHERS_TOLD):
        assert told not in answer.text, told


def test_tenants_have_pages_of_their_own():
    assert len(OWN) >= 10 and [case for case in OWN if _takes_channel(case[0])]


@pytest.mark.parametrize("case", OWN, ids=name_of)
def test_a_tenant_sees_nothing_of_anothers(lived_in, case):
    client = client_of(lived_in, "tess")
    _only_hers(_asked(client, case))
    if not _takes_channel(case[0]):
        return
    told = set()
    for meter, ch in OTHERS:
        answer = _asked(client, case, meter, ch)
        _only_hers(answer)
        # A link may name a channel that is hers no more: it is as if it named none.
        as_if_none = case[1] == "GET" and "{meter}" not in case[0].path
        allowed = (200, 400, 404) if as_if_none else (400, 404)
        assert answer.status_code in allowed, (meter, ch, answer.status_code)
        told.add((answer.status_code, _plain(answer.text, meter, ch)))
    # Nor whether there is such a channel: all are answered alike.
    assert len(told) == 1


@pytest.mark.parametrize(
    "case", [c for c in OWN if re.search(r"{(?!meter|ch}|ch:)\w+", c[0].path)], ids=name_of
)
def test_a_tenant_sees_nothing_that_has_a_number_or_key_of_anothers(lived_in, case):
    client = client_of(lived_in, "tess")
    for number in (2, 3, 4, 99):
        answer = _asked(client, case, number=number)
        _only_hers(answer)
        if path_of(case[0], number=2) != path_of(case[0], number=3):
            assert answer.status_code == 404, (number, answer.status_code)


def _plain(text, meter, ch):
    """What a page says, without what was asked for."""
    text = re.sub(r"<[^>]*>", " ", text)
    return re.sub(rf"\b{meter}\b.{{1,3}}\b{ch}\b|\b{meter}\b|\b{ch}\b", "N", text)

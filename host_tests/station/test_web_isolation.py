"""Every page times every caller: who gets in, what is on it, and that no tenant learns of another.

The pages are taken from the site, so that one that is added is tried without being named here.
"""

import base64
import hashlib
import re
import typing
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api_kit import OTHERS_U, Api, filled, quick_passwords
from station_kit import NOW_S
from umeter_station.api.deps import CSRF_HEADER, Caller, SignedIn
from umeter_station.people import roles
from umeter_station.web import live, site
from umeter_station.web.guard import PageGuard, guard_of
from web_kit import FROM_US

ROLE_OF = {
    "anna": "owner",
    "olaf": "operator",
    "carl": "cashier",
    "ada": "auditor",
    "tess": "tenant",
}
CALLERS = ("nobody", *ROLE_OF)
PAGES = [(route, method) for route in site.pages() for method in sorted(route.methods)]
# Open to everybody, each with a reason in its guard, and nothing else.
OPEN = ("/", "/sign-in", "/preferences", "/pay")
# tess has channel 1 of m1; 2 is another's, 3 nobody's, m2 and m9 hold none of hers.
OTHERS = [("m1", 2), ("m1", 3), ("m2", 1), ("m9", 1)]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        quick_passwords(monkeypatch)
        monkeypatch.setattr(live, "_events", _one_look)
        api = Api(tmp_path_factory.mktemp("site"), make_app=site.create_site)
        api.live_in()
        yield api
        api.close()


async def _one_look(request, look, every_s, first):
    """A live part as it is sent first, and once more; it would go on for minutes."""
    yield first
    yield look()


def _name(case):
    route, method = case
    return f"{method} {route.path}"


def _path(route, **known):
    """With the first of what may stand in a place, where that is a choice of words."""
    path = route.path
    for field in route.dependant.path_params:
        choice = typing.get_args(field.field_info.annotation)
        if typing.get_origin(field.field_info.annotation) is typing.Literal:
            path = re.sub(rf"{{{field.name}(:\w+)?}}", str(choice[0]), path)
    return filled(path, **known)


def _client(api, name, csrf=True):
    options = {"follow_redirects": False, "raise_server_exceptions": False}
    if name == "nobody":
        return api.client(**options)
    client = api.as_(name, **options)
    if not csrf:
        del client.headers[CSRF_HEADER]
    return client


def _may(guard, name):
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


def test_what_is_open_to_everybody_is_known():
    found = {route.path for route, _ in PAGES if not isinstance(guard_of(route), PageGuard)}
    assert {path for path in found if not path.startswith(OPEN[1:])} <= {"/"}


def test_no_page_has_two_names_and_none_changes_anything_by_a_link():
    names = [_name(case) for case in PAGES]
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
    client = _client(lived_in, name)
    for route, method in PAGES:
        may = _may(guard_of(route), name)
        answer = client.request(method, _path(route), headers=FROM_US)
        told = (method, route.path, answer.status_code, answer.headers.get("Location", ""))
        to_sign_in = told[3].startswith("/sign-in")
        if answer.status_code >= 500:
            wrong.append(told)
        elif name == "nobody":
            led_in = route.path not in ("/", "/sign-in")
            if may == (answer.status_code == 303 and to_sign_in and led_in):
                wrong.append(told)
        elif may:
            refused = answer.status_code in (401, 403) and route.path != "/sign-in"
            if refused or (to_sign_in and route.path != "/sign-out"):
                wrong.append(told)
        elif answer.status_code != 403:
            wrong.append(told)
        if may and method == "POST" and answer.status_code < 400:
            client = _client(lived_in, name)  # It may have ended the session.
    assert not wrong, "\n".join(map(str, wrong))


def test_every_form_needs_the_token_of_its_session(lived_in):
    wrong = []
    clients = {name: _client(lived_in, name, csrf=False) for name in ("anna", "tess")}
    for route, method in PAGES:
        guard = guard_of(route)
        if method == "GET" or not isinstance(guard, PageGuard):
            continue
        client = clients["anna" if _may(guard, "anna") else "tess"]
        for form in ({}, {"csrf": "x" * 64}):
            answer = client.post(_path(route), data=form, headers=FROM_US)
            if answer.status_code != 403:
                wrong.append((route.path, form, answer.status_code))
    assert not wrong, wrong


def test_no_other_site_can_have_a_form_sent(lived_in):
    wrong = []
    clients = {name: _client(lived_in, name) for name in ("anna", "tess")}
    for route, method in PAGES:
        if method == "GET":
            continue
        client = clients["anna" if _may(guard_of(route), "anna") else "tess"]
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
            answer = client.post(_path(route), headers=headers)
            if answer.status_code != 403:
                wrong.append((route.path, headers, answer.status_code))
    assert not wrong, wrong


class _Reader(HTMLParser):
    """What must not be on a page, its links, and its forms that lack something."""

    def __init__(self):
        super().__init__()
        self.wrong, self.links, self.styles = [], set(), []
        self._form, self._within = None, ""

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self._within = tag
        for name in known:
            if name == "style" or name.startswith("on"):
                self.wrong.append(f"<{tag} {name}=…>")
        if tag == "script" and not known.get("src", "").startswith("/static/"):
            self.wrong.append(f"<{tag}> of its own")
        if tag == "link" and not known["href"].startswith("/static/"):
            self.wrong.append(f"a link to {known['href']}")
        if tag == "form":
            self._form = known
            self.links.add((known.get("method", "get").upper(), known.get("action", "")))
        if tag == "a" and "href" in known:
            self.links.add(("GET", known["href"]))
        if tag == "input" and known.get("name") == "csrf" and known.get("value"):
            self._form = None

    def handle_data(self, data):
        if self._within == "script" and data.strip():
            self.wrong.append("<script> with something in it")
        if self._within == "style":
            self.styles.append(data)

    def handle_endtag(self, tag):
        self._within = ""
        if tag == "form" and self._form is not None:
            if self._form.get("method") == "post" and self._form["action"] != "/preferences":
                self.wrong.append(f"the form to {self._form['action']} has no token")
            self._form = None


@pytest.fixture(scope="module")
def seen(lived_in):
    """[(caller, route, answer, reader)] of all pages that are opened."""
    found = []
    for name in ("anna", "tess", "nobody"):
        client = _client(lived_in, name)
        for route, method in PAGES:
            if method != "GET" or not _may(guard_of(route), name):
                continue
            answer = client.get(_path(route), headers={"Accept": "text/html"})
            if answer.status_code >= 500:
                continue  # Told by test_who_gets_in.
            reader = _Reader()
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                reader.feed(answer.text)
                found.append((name, route, answer, reader))
    return found


def test_no_page_has_a_script_or_style_of_its_own_and_each_forbids_them(seen):
    wrong = []
    for name, route, answer, reader in seen:
        policy = answer.headers["Content-Security-Policy"]
        if "unsafe" in policy or "*" in policy or "default-src 'none'" not in policy:
            wrong.append((route.path, policy))
        if reader.styles:
            # A paper that is kept as one file names its style by what it is, and has no script.
            if "script-src" in policy or "'self'" in policy.partition(";")[0]:
                wrong.append((route.path, policy))
            if not all(_digest(style) in policy for style in reader.styles):
                wrong.append((route.path, "another style than it names"))
        elif "script-src 'self';" not in policy or "style-src 'self';" not in policy:
            wrong.append((route.path, policy))
        if answer.headers["Cache-Control"] != "no-store":
            wrong.append((route.path, answer.headers["Cache-Control"]))
        without = {each for each in reader.wrong if name == "nobody" and "token" in each}
        wrong += [(route.path, each) for each in set(reader.wrong) - without]
    assert not wrong, "\n".join(map(str, wrong))
    assert len(seen) > 50


def _digest(style):
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def test_no_link_and_no_form_leads_nowhere(lived_in, seen):
    """To a page that there is, whoever may open it; what a page is about may be gone."""
    wrong, known = {}, {}
    for _name, route, _answer, reader in seen:
        for method, target in reader.links:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            way = (method, parts.path)
            if way not in known:
                scope = {"type": "http", "method": method, "path": parts.path, "root_path": ""}
                routes = lived_in.app.router.routes
                known[way] = any(each.matches(dict(scope))[0] is Match.FULL for each in routes)
            if not known[way]:
                wrong.setdefault(way, f"{method} {target}, of {route.path}")
    assert not wrong, "\n".join(sorted(wrong.values()))


OWN = [case for case in PAGES if _may(guard_of(case[0]), "tess")]
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
    path = _path(route, meter=meter, ch=ch, number=number)
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
    for told in ("Tenant 2", "ulla", str(OTHERS_U), "77.77", "77,77"):
        assert told not in answer.text, told


def test_tenants_have_pages_of_their_own():
    assert len(OWN) >= 10 and [case for case in OWN if _takes_channel(case[0])]


@pytest.mark.parametrize("case", OWN, ids=_name)
def test_a_tenant_sees_nothing_of_anothers(lived_in, case):
    client = _client(lived_in, "tess")
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
    "case", [c for c in OWN if re.search(r"{(?!meter|ch}|ch:)\w+", c[0].path)], ids=_name
)
def test_a_tenant_sees_nothing_that_has_a_number_or_key_of_anothers(lived_in, case):
    client = _client(lived_in, "tess")
    for number in (2, 3, 4, 99):
        answer = _asked(client, case, number=number)
        _only_hers(answer)
        if _path(case[0], number=2) != _path(case[0], number=3):
            assert answer.status_code == 404, (number, answer.status_code)


def _plain(text, meter, ch):
    """What a page says, without what was asked for."""
    text = re.sub(r"<[^>]*>", " ", text)
    return re.sub(rf"\b{meter}\b.{{1,3}}\b{ch}\b|\b{meter}\b|\b{ch}\b", "N", text)

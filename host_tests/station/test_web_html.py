"""What is on every page: no script and no style of its own, forms with their token, links that
lead somewhere. The pages are taken from the site."""

import base64
import hashlib
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from starlette.routing import Match

from site_kit import PAGES, client_of, lived_in_site, may, path_of
from umeter_station.web.guard import guard_of


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    with lived_in_site(tmp_path_factory.mktemp("site")) as api:
        yield api


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
        client = client_of(lived_in, name)
        for route, method in PAGES:
            if method != "GET" or not may(guard_of(route), name):
                continue
            answer = client.get(path_of(route), headers={"Accept": "text/html"})
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

"""A real browser that walks over the station's pages: it signs in, follows each kind of link once,
and keeps what the browser complained of.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright

from umeter_sim.demo_houses import PASSWORD
from umeter_station.web.site import pages

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
# These are no pages: streams, data for charts, files, and fragments for htmx.
_NO_PAGES = ("/live/", "/charts/", "/home/settings/data/", "/console/desk/found")
_NO_PAGES += ("/console/desk/change", "/console/orders/{order_id}/progress")
_NO_PAGES += ("/console/acts/acts.csv", "/console/exports/file")
_LINKS = "[...document.querySelectorAll('a[href]')].map(link => link.getAttribute('href'))"


def chromium_path() -> str | None:
    """Where Debian, or somebody, has put it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def launch(playwright: Playwright, path: str) -> Browser:
    # Its sandbox does not work inside most containers; it only ever sees our own pages.
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@dataclass
class Visitor:
    """A context of a browser with one page. `complaints`: errors of scripts and of the console,
    violations of the content policy among them.
    """

    context: BrowserContext
    address: str
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        # A refusal (403, 409) is in the console, too; that is an answer, and no error of a page.
        if message.type == "error" and "the server responded with a status" not in message.text:
            self.complaints.append(f"{urlsplit(self.page.url).path}: {message.text}")

    def go(self, path: str) -> Any:
        """Open a page; the response."""
        return self.page.goto(self.address + path, wait_until="load")

    def sign_in(self, name: str, password: str = PASSWORD) -> "Visitor":
        self.go("/sign-in")
        return self.type_in(name, password)

    def type_in(self, name: str, password: str = PASSWORD) -> "Visitor":
        """Into the form that is open."""
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        return self


def visitor(browser: Browser, address: str, **options: Any) -> Visitor:
    return Visitor(
        browser.new_context(**{"locale": "en-GB", "viewport": DESK, **options}), address
    )


def page_routes() -> list[str]:
    """The paths of all pages, with their placeholders, as the application has them."""
    return [
        route.path
        for route in pages()
        if "GET" in (route.methods or ()) and not route.path.startswith(_NO_PAGES)
    ]


def walk(who: Visitor, starts: list[str]) -> Iterator[str]:
    """From these paths on: open a page of each kind that links lead to, and yield its route's
    path while `who.page` shows it.
    """
    routes = [(route.path, route.path_regex) for route in pages() if "GET" in route.methods]
    todo = list(starts)
    seen: set[str] = set()
    while todo:
        target = todo.pop(0)
        path = urlsplit(target).path
        kind = next((name for name, regex in routes if regex.match(path)), None)
        if kind is None or kind in seen or kind.startswith(_NO_PAGES) or kind == "/":
            continue
        seen.add(kind)
        try:
            response = who.go(target)
        except Error as error:
            if "Download is starting" in str(error):
                continue  # a file, and no page
            raise
        if response is None or "html" not in response.headers.get("content-type", ""):
            continue
        if not response.ok:
            who.complaints.append(f"{target}: it answers {response.status}")
        yield kind
        todo += [href for href in who.page.evaluate(_LINKS) if href.startswith("/")]

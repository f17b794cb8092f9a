"""A page's HTML: a template, the caller and the language, and the headers that pages have."""

from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from umeter_station.api.deps import Caller
from umeter_station.people import approvals
from umeter_station.web import language, sentences
from umeter_station.web.assets import Assets
from umeter_station.web.language import Languages
from umeter_station.web.navigation import entries

FOLDER = Path(__file__).parent / "templates"
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "umeter-theme"
# No script and no style but our files: what a user typed can never become one.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none';"
    " form-action 'self'"
)


class Templates:
    """`languages` are those that a reader may choose from."""

    def __init__(self, assets: Assets, languages: Languages) -> None:
        self._languages = languages
        self._env = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._env.install_gettext_callables(
            language.gettext, language.ngettext, newstyle=True
        )
        self.asset = assets.url
        self._env.globals["asset"] = assets.url
        for name in _FILTERS:
            self._env.filters[name] = _filter(name)
        self._env.filters["told"] = sentences.say

    def html(self, request: Request, name: str, context: dict[str, Any]) -> str:
        who: Caller | None = getattr(request.state, "who", None)
        session = who.session if who else None
        return self._env.get_template(name).render(
            request=request,
            path=request.url.path,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            who=who,
            csrf=session.csrf if session else "",
            lang=language.current(),
            languages=self._languages.all,
            theme=theme_of(request),
            navigation=entries(who),
            approvals_waiting=partial(_waiting, request),
            now_s=request.app.state.books.clock.now_s(),
            said=request.query_params.get("said", ""),
            is_part="HX-Request" in request.headers,
            **{name: _told(name, value) for name, value in context.items()},
        )


# What a refused form says above its fields: as often as not a sentence of the station's.
_REFUSALS = ("wrong", "error")


def _told(name: str, value: Any) -> Any:
    return sentences.say(value) if name in _REFUSALS and isinstance(value, str) else value


_FILTERS = (
    *("money", "price", "number", "kwh", "watts"),
    *("when", "moment", "day", "clock", "ago", "lasting"),
)


def _filter(name: str) -> Any:
    def write(value: Any, *more: Any) -> str:
        return "–" if value is None else getattr(language.current(), name)(value, *more)

    return write


def _waiting(request: Request) -> int:
    """How many approvals wait; asked only by pages that show it."""
    books = request.app.state.books
    with books.db.read() as conn:
        return approvals.waiting(conn, books.clock.now_s())


def theme_of(request: Request) -> str:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def render(
    request: Request, template: str, /, status: int = 200, pays_at: str = "", **context: Any
) -> HTMLResponse:
    """`pays_at`: the origin, as https://pay.example, that a form of this page may lead to."""
    html = request.app.state.templates.html(request, template, context)
    policy = f"{_POLICY} {pays_at}" if pays_at else _POLICY
    headers = {"Content-Security-Policy": policy, "Vary": "HX-Request, Cookie"}
    return HTMLResponse(html, status, headers=headers)

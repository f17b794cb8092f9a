"""The whole web server as one ASGI app: the API, and the pages on it."""

import time
from collections.abc import Callable

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from umeter_station.api.app import create_app
from umeter_station.api.limits import Buckets
from umeter_station.api.settings import ApiSettings
from umeter_station.ops.jobs import zone
from umeter_station.station import Books
from umeter_station.web import guard, live, route, sign_in
from umeter_station.web.acts import ROUTERS as ACTS
from umeter_station.web.assets import Assets
from umeter_station.web.audit import ROUTERS as AUDIT
from umeter_station.web.charts import routes as charts
from umeter_station.web.desk import ROUTERS as DESK
from umeter_station.web.fleet import ROUTERS as FLEET
from umeter_station.web.language import Languages, Place
from umeter_station.web.me import routes as me
from umeter_station.web.pay import ROUTERS as PAY
from umeter_station.web.pay import at_the_box
from umeter_station.web.people import ROUTERS as PEOPLE
from umeter_station.web.portal import ROUTERS as PORTAL
from umeter_station.web.tariffs import ROUTERS as TARIFFS
from umeter_station.web.templating import Templates
from umeter_station.web.tenants import ROUTERS as TENANTS
from umeter_station.web.watch import ROUTERS as WATCH

# Every area adds its router here.
ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    live.router,
    charts.router,
    me.router,
    *PAY,
    *WATCH,
    *DESK,
    *FLEET,
    *ACTS,
    *PEOPLE,
    *PORTAL,
    *TENANTS,
    *TARIFFS,
    *AUDIT,
)


def create_site(
    books: Books,
    settings: ApiSettings | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Raises TypeError if a page does not say who may see it, StationError if the pages' files or
    a language cannot be read."""
    app = create_app(books, settings, monotonic)
    config = books.config
    place = Place(zone(config.jobs.timezone), config.stripe.currency.upper())
    assets = Assets()
    app.state.per_box_number = Buckets(*at_the_box.IN_WHOLE, monotonic)
    app.state.languages = Languages(config.home, place)
    app.state.templates = Templates(assets, app.state.languages)
    app.router.routes.append(assets.route())
    for router in ROUTERS:
        app.include_router(router)
    for each in pages():
        guard.guard_of(each)
    _refuse_in_html(app)
    return app


def pages() -> list[APIRoute]:
    """Every page."""
    return [each for router in ROUTERS for each in router.routes if isinstance(each, APIRoute)]


def _refuse_in_html(app: FastAPI) -> None:
    """A browser that asks for what there is not gets a page; whoever asks the API, a problem."""
    for_machines = app.exception_handlers[HTTPException]

    async def answer(request: Request, error: HTTPException) -> Response:
        is_page = not request.url.path.startswith("/v1/")
        if is_page and "text/html" in request.headers.get("Accept", ""):
            route.speak(request)
            return route.refusal(request, error.status_code, str(error.detail), error.headers)
        return await for_machines(request, error)

    app.exception_handler(HTTPException)(answer)

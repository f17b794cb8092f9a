"""The API as one ASGI app: routers of every area, each endpoint with the right it takes."""

import time
from collections.abc import Callable

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from umeter_station.api import (
    openapi,
    problems,
    routes_audit,
    routes_auth,
    routes_bank,
    routes_desk,
    routes_exports,
    routes_findings,
    routes_fleet,
    routes_health,
    routes_hooks,
    routes_ledger,
    routes_meters,
    routes_orders,
    routes_own,
    routes_pay,
    routes_people,
    routes_phone,
    routes_refunds,
    routes_sales,
    routes_settings,
    routes_sites,
    routes_tariffs,
    routes_tenants,
    routes_wallets,
)
from umeter_station.api.edge import Edge
from umeter_station.api.limits import Buckets
from umeter_station.api.metrics import Metrics
from umeter_station.api.settings import ApiSettings
from umeter_station.station import Books

# Every area adds its router here.
ROUTERS: tuple[APIRouter, ...] = (
    routes_health.router,
    routes_fleet.router,
    routes_settings.router,
    routes_auth.router,
    routes_people.router,
    routes_audit.router,
    routes_tenants.router,
    routes_sites.router,
    routes_own.router,
    routes_exports.router,
    routes_findings.router,
    routes_bank.router,
    routes_wallets.router,
    routes_hooks.router,
    routes_pay.router,
    routes_phone.router,
    routes_sales.router,
    routes_desk.router,
    routes_refunds.router,
    routes_tariffs.router,
    routes_ledger.router,
    routes_meters.router,
    routes_orders.router,
)


class _App(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        inner = super().build_middleware_stack()
        state = self.state
        return Edge(inner, state.per_address, state.settings.plain_http, state.metrics)


def create_app(
    books: Books,
    settings: ApiSettings | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Raises TypeError if an endpoint does not say who may use it."""
    settings = settings or ApiSettings()
    app = _App(
        title="umeter station",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=settings.max_body_bytes,
    )
    app.state.books = books
    app.state.settings = settings
    app.state.per_address = Buckets(*settings.per_address, monotonic)
    app.state.per_caller = Buckets(*settings.per_caller, monotonic)
    app.state.per_stranger = Buckets(*settings.per_stranger, monotonic)
    app.state.metrics = Metrics(books.db, books.clock, monotonic)
    problems.add_to(app)
    for router in ROUTERS:
        app.include_router(router)
    for route in routes():
        openapi.guard_of(route)
    openapi.describe(app, routes(), settings.cookie)
    return app


def routes() -> list[APIRoute]:
    """Every endpoint of the API."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]

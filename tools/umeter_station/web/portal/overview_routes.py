"""/home: how it stands now, live."""

from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.ops.jobs import zone
from umeter_station.pay import wallets
from umeter_station.station import Books
from umeter_station.web import live, route
from umeter_station.web.guard import page
from umeter_station.web.portal import household
from umeter_station.web.templating import render

router = route.router()

Reader = Annotated[Caller, page("own:read")]


@router.get("/home")
def overview(request: Request, books: BooksDep, who: Reader) -> Response:
    return render(request, "portal/overview.html", **_now(books, who))


@router.get("/live/home")
def overview_live(request: Request, books: BooksDep, who: Reader) -> Response:
    """The same while it changes; who moves out sees nothing more from then on."""

    def part() -> str:
        seen = _now(books, who)
        return request.app.state.templates.html(request, "portal/_overview.html", seen)

    return live.stream(request, part, every_s=2.0)


def _now(books: Books, who: Caller) -> dict[str, Any]:
    where = zone(books.config.jobs.timezone)
    asks = Caller(**{**who.__dict__, "now_s": books.clock.now_s()})
    with books.db.read() as conn:
        channels = household.of(conn, asks, where)
        wallet_u = wallets.balance_u(conn, who.tenant_id or 0)
    family = household.together(channels)
    return {"channels": channels, "family": family, "wallet_u": wallet_u}

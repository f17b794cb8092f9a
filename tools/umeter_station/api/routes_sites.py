"""Sites, and the meters that hang in them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from umeter_station.api.deps import BooksDep, Caller, IdPath, In, MeterPath, Page, PageDep, need
from umeter_station.errors import NotFound
from umeter_station.people import sites
from umeter_station.people.sites import Site

router = APIRouter(prefix="/v1/sites", tags=["sites"])

Reader = Annotated[Caller, need("tenants:read")]
Writer = Annotated[Caller, need("tenants:write")]


class NewSite(In):
    name: str = Field(max_length=120)
    address: str = Field("", max_length=120)


@router.get("")
def list_sites(books: BooksDep, page: PageDep, who: Reader) -> Page[Site]:
    after = page.after(int)
    with books.db.read() as conn:
        rows = sites.page(conn, page.limit + 1, after[0] if after else 0)
    return page.of(rows, key=lambda site: (site.id,))


@router.post("", status_code=201)
def add_site(body: NewSite, books: BooksDep, who: Writer) -> Site:
    with books.db.write() as conn:
        return sites.add(conn, body.name, body.address, who.by, who.now_s)


@router.get("/{site_id}")
def get_site(site_id: IdPath, books: BooksDep, who: Reader) -> Site:
    with books.db.read() as conn:
        return sites.get(conn, site_id)


@router.get("/{site_id}/meters")
def sites_meters(site_id: IdPath, books: BooksDep, who: Reader) -> list[str]:
    with books.db.read() as conn:
        sites.get(conn, site_id)
        return sites.meters_of(conn, site_id)


@router.put("/{site_id}/meters/{meter}", status_code=204)
def put_meter(site_id: IdPath, meter: MeterPath, books: BooksDep, who: Writer) -> None:
    """The meter hangs there from now on, wherever it was before."""
    with books.db.write() as conn:
        sites.put_meter(conn, site_id, meter, who.by, who.now_s)


@router.delete("/{site_id}/meters/{meter}", status_code=204)
def take_meter(site_id: IdPath, meter: MeterPath, books: BooksDep, who: Writer) -> None:
    with books.db.write() as conn:
        if sites.site_of(conn, meter) != site_id:
            raise NotFound(f"Meter {meter} does not hang at site {site_id}.")
        sites.take_meter(conn, meter, who.by, who.now_s)

"""What tenants do about themselves: their channels, their data, and what they agree to."""

from typing import Annotated, Literal

from fastapi import APIRouter

from umeter_station.api.deps import BooksDep, Caller, Out, need
from umeter_station.people import privacy, tenants
from umeter_station.people.privacy import Consent, Told

router = APIRouter(prefix="/v1/own", tags=["own"])

Reader = Annotated[Caller, need("own:read")]
Writer = Annotated[Caller, need("own:write")]
Purpose = Literal[privacy.PURPOSES]


class Channel(Out):
    meter: str
    ch: int


@router.get("/channels")
def own_channels(books: BooksDep, who: Reader) -> list[Channel]:
    with books.db.read() as conn:
        found = tenants.channels_of(conn, who.tenant_id, who.now_s)
    return [Channel(meter=meter, ch=ch) for meter, ch in sorted(found)]


@router.get("/data")
def own_data(books: BooksDep, who: Reader) -> Told:
    """Everything that is known of oneself."""
    with books.db.read() as conn:
        return privacy.told(conn, who.tenant_id)


@router.get("/consents")
def own_consents(books: BooksDep, who: Reader) -> list[Consent]:
    with books.db.read() as conn:
        return privacy.consents_of(conn, who.tenant_id)


@router.put("/consents/{purpose}", status_code=204)
def agree(purpose: Purpose, books: BooksDep, who: Writer) -> None:
    with books.db.write() as conn:
        privacy.agree(conn, who.tenant_id, purpose, who.by, who.now_s)


@router.delete("/consents/{purpose}", status_code=204)
def withdraw(purpose: Purpose, books: BooksDep, who: Writer) -> None:
    with books.db.write() as conn:
        privacy.withdraw(conn, who.tenant_id, purpose, who.by, who.now_s)

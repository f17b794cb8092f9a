"""Tariffs by name, who has which, what a household would pay; fees and taxes."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from umeter_station.amounts import MAX_AMOUNT_U
from umeter_station.api.deps import (
    LARGEST,
    BooksDep,
    Caller,
    In,
    MeterField,
    MeterPath,
    Out,
    TimeS,
    need,
)
from umeter_station.api.routes_sales import PartOut, Way
from umeter_station.desk import charges, household, tariffs, two_person
from umeter_station.desk.charges import Charges

router = APIRouter(prefix="/v1", tags=["tariffs"])

Writer = Annotated[Caller, need("tariffs:write")]
Reader = Annotated[Caller, need("tariffs:read")]
NamePath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_. -]{1,40}$")]
Version = Annotated[int | None, Query(ge=1, le=LARGEST)]
AnyChannel = Annotated[int, Field(ge=0, le=64)]
Cash = Annotated[int, Field(ge=0, le=MAX_AMOUNT_U)]
Permille = Annotated[int, Field(ge=0, le=999)]


class NewTariff(In):
    """Settings as a meter takes them, by key, without channels."""

    document: dict[str, Any]


class TariffOut(Out):
    name: str
    version: int
    document: dict[str, Any]
    created_at: int
    by: str


class AssignmentOut(Out):
    """`ch` 0: all channels of the meter that have none of their own."""

    ch: int
    tariff: str
    version: int
    from_s: int
    noted_at: int
    by: str


class Push(In):
    """`ch` 0: the whole meter. Now, or from `from_s` on: then the meter takes over by itself."""

    meter: MeterField
    ch: AnyChannel = 0
    version: Annotated[int, Field(ge=1, le=LARGEST)] | None = None
    from_s: TimeS | None = None


class Pushed(Out):
    """The orders to the meter, or the number of the approval that they wait for."""

    orders: list[int]
    approval_id: int | None


class HouseholdOut(Out):
    """A month of 30 days."""

    kwh: int
    profile: str
    parts: list[PartOut]
    energy_u: int
    standing_u: int
    fee_u: int
    tax_u: int
    pays_u: int


class NewCharges(In):
    """`tax_permille` is contained in what is paid. From now on, or from `from_s`."""

    fee_u: Cash = 0
    fee_permille: Permille = 0
    tax_permille: Permille = 0
    min_u: Cash = 0
    max_u: Cash = 0
    from_s: TimeS | None = None


class ChargesOut(Out):
    way: str
    fee_u: int
    fee_permille: int
    tax_permille: int
    min_u: int
    max_u: int
    from_s: int
    noted_at: int
    by: str


@router.get("/tariffs")
def list_tariffs(books: BooksDep, who: Reader) -> list[TariffOut]:
    """Each in its newest version."""
    with books.db.read() as conn:
        return [TariffOut.of(found) for found in tariffs.all_newest(conn)]


@router.put("/tariffs/{name}")
def save_tariff(name: NamePath, body: NewTariff, books: BooksDep, who: Writer) -> TariffOut:
    """A new version; the newest if it is the same. No meter is told of it yet."""
    with books.db.write() as conn:
        return TariffOut.of(tariffs.save(conn, name, body.document, who.by, who.now_s))


@router.get("/tariffs/{name}")
def list_versions(name: NamePath, books: BooksDep, who: Reader) -> list[TariffOut]:
    """All versions, the newest first."""
    with books.db.read() as conn:
        tariffs.get(conn, name)
        return [TariffOut.of(found) for found in tariffs.versions(conn, name)]


@router.post("/tariffs/{name}/push", status_code=202)
def push_tariff(name: NamePath, body: Push, books: BooksDep, who: Writer) -> Pushed:
    """Give a meter, or a channel of it, this tariff from now on. Many meters: by a rollout."""
    with books.db.write() as conn:
        tariff = tariffs.get(conn, name, body.version)
        place = (body.meter, body.ch)
        done = two_person.push(conn, *place, tariff, who.by, who.now_s, body.from_s)
    orders = [] if done.result is None else done.result["orders"]
    return Pushed(orders=orders, approval_id=done.approval_id)


@router.get("/tariffs/{name}/preview")
def preview_tariff(
    name: NamePath,
    books: BooksDep,
    who: Reader,
    kwh: Annotated[int, Query(ge=0, le=100_000)] = 250,
    profile: Literal["flat", "household", "day", "night"] = "household",
    way: Way = "desk",
    version: Version = None,
) -> HouseholdOut:
    """What a household would pay in a month."""
    with books.db.read() as conn:
        document = tariffs.get(conn, name, version).document
        cost = charges.in_force(conn, way, who.now_s)
    return HouseholdOut.of(household.preview(document, kwh, profile, cost, who.now_s))


@router.get("/meters/{meter}/tariffs")
def list_assignments(meter: MeterPath, books: BooksDep, who: Reader) -> list[AssignmentOut]:
    """Which tariffs its channels were given, the newest first."""
    with books.db.read() as conn:
        return [AssignmentOut.of(found) for found in tariffs.assignments(conn, meter)]


@router.get("/charges")
def list_charges(books: BooksDep, who: Reader) -> list[ChargesOut]:
    """All fees and taxes that were ever set, the newest first."""
    with books.db.read() as conn:
        return [ChargesOut.of(row) for row in charges.all_terms(conn)]


@router.put("/charges/{way}")
def set_charges(
    way: Literal["*", "desk", "web", "phone", "bank", "agent"],
    body: NewCharges,
    books: BooksDep,
    who: Writer,
) -> list[ChargesOut]:
    """Of a way to pay, or "*" for all that have none of their own."""
    values = body.model_dump() | {"from_s": who.now_s if body.from_s is None else body.from_s}
    with books.db.write() as conn:
        charges.set_terms(conn, way, Charges(**values), who.by, who.now_s)
        return [ChargesOut.of(row) for row in charges.all_terms(conn) if row.way == way]

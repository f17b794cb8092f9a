"""Bank files, what payers write on transfers, and the work list of money without an owner."""

import io
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field

from umeter_station.api.deps import (
    BooksDep,
    Caller,
    ChField,
    ChPath,
    IdPath,
    In,
    MeterField,
    MeterPath,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.api.problems import refuse
from umeter_station.pay import bank_import, bank_profile, references, suspense

router = APIRouter(prefix="/v1", tags=["bank"])

Teller = Annotated[Caller, need("sales:write")]
Reader = Annotated[Caller, need("sales:read")]
Payer = Annotated[Caller, need("own:read", "sales:read")]
Decider = Annotated[Caller, need("refunds:write")]
BankPath = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$")]
FileName = Annotated[str, Query(min_length=1, max_length=255, pattern=r"^[ -~]+$")]
State = Annotated[str, Query(pattern=r"^[a-z ]{1,16}$")]
Note = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ImportedOut(Out):
    """`before`: this very file was imported before, and nothing was done now."""

    file_id: int
    before: bool
    counts: dict[str, int]


class ReferenceOut(Out):
    """What a payer writes on a transfer; `printed` is the same in groups of four."""

    reference: str
    printed: str


class ItemOut(Out):
    """`direction`: in came to us and belongs to somebody, out was taken from us."""

    id: int
    direction: str
    account: str
    amount_u: int
    why: str
    text: str
    party: str
    payment_id: int | None
    opened_at: int
    state: str
    closed_at: int | None
    closed_by: str
    closing: str


class Assign(In):
    """One of: a channel, a tenant's wallet, the provider whose payout it is."""

    meter: MeterField | None = None
    ch: ChField | None = None
    tenant_id: Annotated[int, Field(ge=1, le=1 << 53)] | None = None
    provider: Annotated[str, Field(pattern=r"^[a-z]{1,32}$")] | None = None


class ChannelIn(In):
    meter: MeterField
    ch: ChField


class NoteIn(In):
    note: Note = ""


@router.post("/banks/{bank}/files")
def import_file(
    bank: BankPath,
    name: FileName,
    content: Annotated[bytes, Body(media_type="application/octet-stream")],
    books: BooksDep,
    who: Teller,
) -> ImportedOut:
    """The file itself as body, by the profile `banks/<bank>.toml`. The same file again does
    nothing; larger ones take `umeter-station bank import`."""
    profile = bank_profile.load(books.config.home, bank)
    file = io.BytesIO(content)
    done = bank_import.import_file(books.db, books.clock, file, name, profile, who.by)
    return ImportedOut.of(done)


@router.get("/references/{meter}/{ch}")
def channel_reference(meter: MeterPath, ch: ChPath, books: BooksDep, who: Payer) -> ReferenceOut:
    """What to write on a bank transfer that buys credit for this channel."""
    with books.db.write() as conn:
        who.check_channel(conn, meter, ch)
        found = references.of_channel(conn, meter, ch, who.now_s)
    return ReferenceOut(reference=found, printed=references.spaced(found))


@router.get("/suspense")
def list_suspense(
    books: BooksDep, page: PageDep, who: Reader, state: State | None = "open"
) -> Page[ItemOut]:
    """The oldest first."""
    after = page.after(int)
    with books.db.read() as conn:
        rows = suspense.page(conn, page.limit + 1, after[0] if after else 0, state)
    return page.of(rows, key=lambda row: (row.id,), make=ItemOut.of)


@router.post("/suspense/{item_id}/assign")
def assign(item_id: IdPath, body: Assign, books: BooksDep, who: Decider) -> ItemOut:
    """Sell it to a channel, or put it into a wallet, or take it as a provider's payout. Done
    once; asked again the same way it is the same."""
    wanted = body.model_dump(exclude_none=True)
    with books.db.write() as conn:
        if wanted.keys() == {"meter", "ch"}:
            suspense.assign(conn, item_id, wanted["meter"], wanted["ch"], who.by, who.now_s)
        elif wanted.keys() == {"tenant_id"}:
            suspense.assign_wallet(conn, item_id, wanted["tenant_id"], who.by, who.now_s)
        elif wanted.keys() == {"provider"}:
            suspense.assign_clearing(conn, item_id, wanted["provider"], who.by, who.now_s)
        else:
            raise refuse(400, "Name a channel (meter and ch), a tenant_id, or a provider.")
        return ItemOut.of(suspense.get(conn, item_id))


@router.post("/suspense/{item_id}/return")
def give_back(item_id: IdPath, body: NoteIn, books: BooksDep, who: Decider) -> ItemOut:
    """It was sent back to its sender."""
    return _done(books, item_id, who, suspense.return_, body.note)


@router.post("/suspense/{item_id}/recover")
def recover(item_id: IdPath, body: ChannelIn, books: BooksDep, who: Decider) -> ItemOut:
    """Make good for a chargeback out of what is due back to this channel."""
    with books.db.write() as conn:
        suspense.recover(conn, item_id, body.meter, body.ch, who.by, who.now_s)
        return ItemOut.of(suspense.get(conn, item_id))


@router.post("/suspense/{item_id}/write-off")
def write_off(item_id: IdPath, body: NoteIn, books: BooksDep, who: Decider) -> ItemOut:
    """A chargeback that nobody makes good for."""
    return _done(books, item_id, who, suspense.write_off, body.note)


def _done(books: Any, item_id: int, who: Caller, end: Any, note: str) -> ItemOut:
    with books.db.write() as conn:
        end(conn, item_id, who.by, who.now_s, note)
        return ItemOut.of(suspense.get(conn, item_id))

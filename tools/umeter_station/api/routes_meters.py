"""Meters: which there are, what they last said, their load profile, events and audit log."""

from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import Field, SecretStr

from umeter_station import audit, meters, queries, readings, strangers
from umeter_station.api.deps import (
    BooksDep,
    Caller,
    ChPath,
    In,
    MeterPath,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.audit import Verdict
from umeter_station.errors import NotFound
from umeter_station.models import events as events_table
from umeter_station.models import intervals as intervals_table
from umeter_station.queries import Balance
from umeter_station.readings import StoredReading
from umeter_station.strangers import Stranger

router = APIRouter(prefix="/v1", tags=["meters"])

Reader = Annotated[Caller, need("meters:read")]
Adopter = Annotated[Caller, need("meters:write")]
# Of one channel: its tenant's, too.
OfChannel = Annotated[Caller, need("readings:read", "own:read")]
SinceS = Annotated[int, Query(ge=0, le=(1 << 53) - 1)]
_PROFILE_CHANNELS = 8


class MeterOut(Out):
    meter: str
    presence: Literal["unknown", "online", "offline"]
    boot: int
    seen_at: int
    channels: int
    key_at: int
    key_state: str
    retired_at: int | None


class ChannelReading(Out):
    """What one channel said; what it did not say is null."""

    meter: str
    ch: int
    t: int
    clock: int
    received_at: int
    values: dict[str, int | None]


class Interval(Out):
    """`wh` of the channel in the `minutes` before `t_end`."""

    meter: str
    ch: int
    n: int
    t_end: int
    minutes: int
    wh: int
    flags: int
    estimated: int


class Event(Out):
    n: int
    boot: int
    t: int
    code: str
    ch: int
    a: int
    b: int
    received_at: int


class Adoption(In):
    """`key`: what its board was given, 64 hexadecimal digits."""

    key: SecretStr = Field(max_length=64)


@router.get("/meters")
def list_meters(books: BooksDep, page: PageDep, who: Reader) -> Page[MeterOut]:
    after = page.after(str)
    with books.db.read() as conn:
        rows = meters.page(conn, page.limit + 1, after[0] if after else "")
    return page.of(rows, key=lambda row: (row.meter,), make=MeterOut.of)


@router.get("/meters/{meter}")
def get_meter(meter: MeterPath, books: BooksDep, who: Reader) -> MeterOut:
    with books.db.read() as conn:
        return MeterOut.of(meters.get(conn, meter))


@router.get("/meters/{meter}/reading")
def newest_reading(
    meter: MeterPath, books: BooksDep, who: Annotated[Caller, need("readings:read")]
) -> StoredReading:
    """The newest, of all its channels."""
    with books.db.read() as conn:
        meters.get(conn, meter)
        return _newest(readings.latest(conn, meter), meter)


def _newest(found: StoredReading | None, meter: str) -> StoredReading:
    if found is None:
        raise NotFound(f"{meter} has sent no reading yet.")
    return found


@router.get("/meters/{meter}/channels/{ch}/reading")
def channels_reading(
    meter: MeterPath, ch: ChPath, books: BooksDep, who: OfChannel
) -> ChannelReading:
    """The newest, of one channel."""
    with books.db.read() as conn:
        who.check_channel(conn, meter, ch)
        found = _newest(readings.latest(conn, meter), meter)
        if found.received_at < who.since_s(conn, meter, ch):
            raise NotFound(f"{meter} has sent no reading yet.")
    for values in found.channels:
        if values["ch"] == ch:
            values = {name: value for name, value in values.items() if name != "ch"}
            when = {"t": found.t, "clock": found.clock, "received_at": found.received_at}
            return ChannelReading(meter=meter, ch=ch, values=values, **when)
    raise NotFound(f"{meter} has sent no reading of channel {ch} yet.")


@router.get("/meters/{meter}/channels/{ch}/balance")
def channels_balance(meter: MeterPath, ch: ChPath, books: BooksDep, who: OfChannel) -> Balance:
    """What was sold, what the meter has confirmed, and what is on its way."""
    with books.db.read() as conn:
        who.check_channel(conn, meter, ch)
        for balance in queries.balances(conn, meter):
            if balance.ch == ch:
                return balance
    raise NotFound(f"Nothing is known of channel {ch} of {meter} yet.")


@router.get("/meters/{meter}/channels/{ch}/intervals")
def channels_intervals(
    meter: MeterPath,
    ch: ChPath,
    books: BooksDep,
    page: PageDep,
    who: OfChannel,
    since_s: SinceS = 0,
) -> Page[Interval]:
    """The load profile of one channel, oldest first; a tenant's from when they moved in."""
    i = intervals_table.c
    after = page.after(int)
    with books.db.read() as conn:
        who.check_channel(conn, meter, ch)
        if ch > _PROFILE_CHANNELS:
            raise NotFound(f"There is no load profile of channel {ch}.")
        since_s = max(since_s, who.since_s(conn, meter, ch))
        query = sa.select(
            i.meter, sa.literal(ch).label("ch"), i.n, i.t_end, i.minutes, i.flags, i.estimated
        ).add_columns(i[f"wh_{ch}"].label("wh"))
        # The interval that somebody moved in during is not all theirs.
        query = query.where(i.meter == meter, i.t_end - 60 * i.minutes >= since_s)
        if after is not None:
            query = query.where(i.n > after[0])
        rows = conn.execute(query.order_by(i.n).limit(page.limit + 1)).all()
    return page.of(rows, key=lambda row: (row.n,), make=Interval.of)


@router.get("/meters/{meter}/events")
def meters_events(meter: MeterPath, books: BooksDep, page: PageDep, who: Reader) -> Page[Event]:
    """The newest first, as they were published; the audit log is what was signed for."""
    e = events_table.c
    before = page.after(int)
    with books.db.read() as conn:
        meters.get(conn, meter)
        query = sa.select(events_table).where(e.meter == meter)
        if before is not None:
            query = query.where(e.n < before[0])
        rows = conn.execute(query.order_by(e.n.desc()).limit(page.limit + 1)).all()
    return page.of(rows, key=lambda row: (row.n,), make=Event.of)


@router.get("/meters/{meter}/audit-chain")
def meters_audit_chain(
    meter: MeterPath, books: BooksDep, who: Annotated[Caller, need("audit:read")]
) -> Verdict:
    """Check the hash chain of the meter's audit log, as far as it is here."""
    with books.db.read() as conn:
        meters.get(conn, meter)
        return audit.verify(conn, meter)


@router.get("/strangers")
def list_strangers(books: BooksDep, who: Reader) -> list[Stranger]:
    """Who reports under a name that no meter here has."""
    with books.db.read() as conn:
        return strangers.all_strangers(conn)


@router.post("/strangers/{meter}/adopt", status_code=201)
def adopt(meter: MeterPath, body: Adoption, books: BooksDep, who: Adopter) -> MeterOut:
    key = meters.parse_key(body.key.get_secret_value())
    with books.db.write() as conn:
        strangers.adopt(conn, meter, key, who.by, who.now_s)
        return MeterOut.of(meters.get(conn, meter))


@router.delete("/strangers/{meter}", status_code=204)
def forget_stranger(meter: MeterPath, books: BooksDep, who: Adopter) -> None:
    """It comes back when it reports again."""
    with books.db.write() as conn:
        strangers.forget(conn, meter, who.by, who.now_s)

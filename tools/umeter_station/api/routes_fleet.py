"""Many meters at once: chosen, read, read by schedule; what they answer and how fast."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from umeter_station import meters as known_meters
from umeter_station.api.deps import (
    BooksDep,
    Caller,
    IdPath,
    In,
    MeterField,
    MeterPath,
    Out,
    Page,
    PageDep,
    TimeS,
    need,
)
from umeter_station.fleet import names, reads, schedules, select
from umeter_station.fleet.select import Selection
from umeter_station.people import acts

router = APIRouter(prefix="/v1/fleet", tags=["fleet"])

Reader = Annotated[Caller, need("fleet:read")]
Writer = Annotated[Caller, need("fleet:write")]
_Where = Annotated[str, Query(max_length=2_000, description="as site=north and presence=online")]
_NamePath = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
_NameField = Annotated[str, Field(min_length=1, max_length=64)]


class SelectionIn(In):
    """Exactly one of the three."""

    meters: list[MeterField] = Field(default_factory=list, max_length=10_000)
    where: str = Field("", max_length=2_000)
    all: bool = False

    def made(self) -> Selection:
        return Selection(tuple(self.meters), self.where, self.all)


class Chosen(Out):
    meter: str
    presence: str
    channels: int
    seen_at: int


class Answers(Out):
    """Whole seconds; null where nobody has answered."""

    answered: int
    unanswered: int
    p50_s: int | None
    p95_s: int | None
    slowest_s: int | None


class Answer(Out):
    meter: str
    command_id: int
    state: str
    answer_s: int | None


class Read(Out):
    id: int
    placed_at: int
    by: str
    selection: str
    schedule_id: int | None
    due_at: int
    skipped: int
    missed: int
    sentence: str
    meters: int
    open: int
    times: Answers

    @classmethod
    def made(cls, read: reads.Read) -> "Read":
        columns = {name: getattr(read, name) for name in cls.model_fields if hasattr(read, name)}
        times = Answers.of(reads.times(read.answers))
        return cls(**columns, meters=len(read.answers), times=times)


class NewSchedule(In):
    name: _NameField
    selection: SelectionIn
    every: str = Field(max_length=64, examples=["every 15 min", "daily 06:00"])
    tz: str = Field("UTC", max_length=64)


class ScheduleChange(In):
    enabled: bool


class Schedule(Out):
    id: int
    name: str
    selection: str
    every: str
    tz: str
    enabled: bool
    next_at: int
    made_at: int
    made_by: str
    missed: int
    last_read_id: int | None

    @classmethod
    def made(cls, found: schedules.Schedule) -> "Schedule":
        columns = {n: getattr(found, n) for n in cls.model_fields if hasattr(found, n)}
        return cls(**columns, last_read_id=found.last.id if found.last else None)


class LabelIn(In):
    value: str = Field(max_length=64, description="empty: without that label")


@router.get("/names")
def expression_names(who: Reader) -> dict[str, str]:
    """What `where` expressions may use, beside the settings by their names."""
    return {name: what for name, (_, what) in names.FIELDS.items()} | names.PREFIXES


@router.get("/meters")
def choose_meters(books: BooksDep, page: PageDep, who: Reader, where: _Where = "") -> Page[Chosen]:
    """Those that an expression chooses; without one all in service."""
    after = page.after(str)
    selection = Selection(where=where) if where.strip() else Selection(all=True)
    with books.db.read() as conn:
        chosen = select.choose(conn, selection, who.now_s)
    rows = [known for known in chosen if after is None or known.meter > after[0]]
    return page.of(rows[: page.limit + 1], key=lambda known: (known.meter,), make=Chosen.of)


@router.get("/meters/{meter}/labels")
def meters_labels(meter: MeterPath, books: BooksDep, who: Reader) -> dict[str, str]:
    with books.db.read() as conn:
        known_meters.get(conn, meter)
        return select.labels_of(conn, meter)


@router.put("/meters/{meter}/labels/{name}", status_code=204)
def label_meter(
    meter: MeterPath, name: _NamePath, body: LabelIn, books: BooksDep, who: Writer
) -> None:
    with books.db.write() as conn:
        select.label(conn, [meter], name, body.value)
        detail = {"name": name, "value": body.value}
        acts.note(conn, who.by, "meter.label", f"meter:{meter}", detail, who.now_s)


@router.post("/reads", status_code=202)
def order_read(body: SelectionIn, books: BooksDep, who: Writer) -> Read:
    """Ask the chosen meters for a fresh reading. One that still has to answer is not asked twice,
    so that asking again does no harm."""
    with books.db.write() as conn:
        read_id = reads.order(conn, body.made(), who.by, who.now_s)
        return Read.made(reads.get(conn, read_id))


@router.get("/reads")
def list_reads(books: BooksDep, page: PageDep, who: Reader) -> Page[Read]:
    """The newest first."""
    after = page.after(int)
    with books.db.read() as conn:
        ids = reads.latest(conn, page.limit + 1, after[0] if after else None)
        rows = [reads.get(conn, read_id) for read_id in ids]
    return page.of(rows, key=lambda read: (read.id,), make=Read.made)


@router.get("/reads/{read_id}")
def get_read(read_id: IdPath, books: BooksDep, who: Reader) -> Read:
    with books.db.read() as conn:
        return Read.made(reads.get(conn, read_id))


@router.get("/reads/{read_id}/answers")
def read_answers(read_id: IdPath, books: BooksDep, page: PageDep, who: Reader) -> Page[Answer]:
    after = page.after(str)
    with books.db.read() as conn:
        found = reads.get(conn, read_id).answers
    rows = [answer for answer in found if after is None or answer.meter > after[0]]
    return page.of(rows[: page.limit + 1], key=lambda answer: (answer.meter,), make=Answer.of)


@router.get("/answer-times")
def answer_times(
    books: BooksDep,
    who: Reader,
    since_s: TimeS = 0,
    op: Annotated[str, Query(max_length=32)] = "read",
) -> Answers:
    """How long meters took to answer orders of a kind, over all that were placed since then."""
    with books.db.read() as conn:
        return Answers.of(reads.answer_times(conn, since_s, op))


@router.get("/schedules")
def list_schedules(books: BooksDep, who: Reader) -> list[Schedule]:
    with books.db.read() as conn:
        return [Schedule.made(found) for found in schedules.all_schedules(conn)]


@router.post("/schedules", status_code=201)
def add_schedule(body: NewSchedule, books: BooksDep, who: Writer) -> Schedule:
    with books.db.write() as conn:
        schedules.add(
            conn, body.name, body.selection.made(), body.every, body.tz, who.by, who.now_s
        )
        return Schedule.made(schedules.get(conn, body.name))


@router.patch("/schedules/{name}")
def switch_schedule(
    name: _NamePath, body: ScheduleChange, books: BooksDep, who: Writer
) -> Schedule:
    with books.db.write() as conn:
        schedules.switch(conn, name, body.enabled, who.by, who.now_s)
        return Schedule.made(schedules.get(conn, name))


@router.delete("/schedules/{name}", status_code=204)
def remove_schedule(name: _NamePath, books: BooksDep, who: Writer) -> None:
    with books.db.write() as conn:
        schedules.remove(conn, name, who.by, who.now_s)

"""Settings: a meter's twin, templates, and rollouts to many meters."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, JsonValue

from umeter_station import twin
from umeter_station.api.deps import (
    BooksDep,
    Caller,
    IdPath,
    In,
    MeterPath,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.api.routes_fleet import SelectionIn
from umeter_station.errors import StationError
from umeter_station.fleet import approving as approving
from umeter_station.fleet import (
    preview,
    rollout_plan,
    rollout_rows,
    rollouts,
    select,
    templates,
)
from umeter_station.fleet.preview import Preview
from umeter_station.fleet.rollout_plan import Consent
from umeter_station.fleet.rollout_rows import KeyRow, MeterRow, Rollout
from umeter_station.fleet.templates import Template
from umeter_station.fleet.waves import BACK, UPDATES, Pace

router = APIRouter(prefix="/v1", tags=["settings"])

Reader = Annotated[Caller, need("settings:read")]
Writer = Annotated[Caller, need("settings:write")]
Driver = Annotated[Caller, need("fleet:write")]
_Key = Annotated[str, Field(min_length=1, max_length=64)]
_NamePath = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,32}$")]
_Settings = Annotated[dict[_Key, JsonValue], Field(max_length=200)]
_State = Literal[
    "waiting", "ordered", "applied", "refused", "silent", "unhealthy", "overtaken", "left out"
]


class DesiredOut(Out):
    """`since`: how long `state` has been so, which for waiting, refused and differs is the age of
    the difference."""

    key: str
    value: Any
    version: int
    set_at: int
    set_by: str
    state: str
    since: int
    sentence: str


class TwinOut(Out):
    meter: str
    version: int
    reported: dict[str, Any]
    desired: list[DesiredOut]


class PaceIn(In):
    canary: str = Field("1", max_length=8)
    wave: str = Field("25%", max_length=8)
    healthy_s: int = Field(600, ge=0)
    wave_pause_s: int = Field(60, ge=0)
    answer_s: int = Field(300, ge=1)
    failed_permille: int = Field(50, ge=0, le=1_000)
    give_up_s: int = Field(604_800, ge=0)

    def made(self) -> Pace:
        return Pace(**self.model_dump())


class ChangeIn(In):
    """`settings` by key, or a `template` as NAME or NAME@VERSION."""

    selection: SelectionIn
    settings: _Settings = Field(default_factory=dict)
    template: str = Field("", max_length=64)


class RolloutIn(ChangeIn):
    """`versions`: of the meters' settings in the dry run; 409 if one was changed since."""

    pace: PaceIn = Field(default_factory=PaceIn)
    leave_out_refusing: bool = False
    cut_off: bool = False
    versions: dict[_Key, int] | None = None


class UpdateIn(In):
    selection: SelectionIn
    bundle: str = Field(max_length=64)
    pace: PaceIn = Field(default_factory=lambda: PaceIn(**asdict(UPDATES)))


class ResumeIn(In):
    failed_permille: int | None = Field(None, ge=0, le=1_000)


class RollbackIn(In):
    pace: PaceIn = Field(default_factory=lambda: PaceIn(**asdict(BACK)))


class RolloutOut(Out):
    id: int
    kind: str
    selection: str
    payload: Any
    template: str
    made_at: int
    by: str
    state: str
    since: int
    wave: int
    phase: str
    phase_since: int
    failed_permille: int
    approval_id: int | None
    rolls_back: int | None
    sentence: str
    states: dict[str, int]

    @classmethod
    def made(cls, conn: Any, found: Rollout) -> "RolloutOut":
        columns = {name: getattr(found, name) for name in cls.model_fields if name != "states"}
        return cls(**columns, states=rollout_rows.progress(conn, found.id).states)


class TemplateIn(In):
    """`base_version`: the newest that was looked at, 0 if there was none; 409 if it is another."""

    settings: _Settings
    note: str = Field("", max_length=200)
    base_version: int | None = Field(None, ge=0)


@router.get("/meters/{meter}/settings")
def get_settings(meter: MeterPath, books: BooksDep, who: Reader) -> TwinOut:
    """What each setting shall be, beside what the meter reports."""
    with books.db.read() as conn:
        return TwinOut.of(twin.get(conn, meter))


@router.get("/templates")
def list_templates(books: BooksDep, who: Reader) -> list[Template]:
    """The newest version of each."""
    with books.db.read() as conn:
        return templates.newest(conn)


@router.get("/templates/{name}")
def get_template(name: _NamePath, books: BooksDep, who: Reader) -> list[Template]:
    """All its versions, the newest first."""
    with books.db.read() as conn:
        return templates.versions(conn, name)


@router.put("/templates/{name}")
def add_template(name: _NamePath, body: TemplateIn, books: BooksDep, who: Writer) -> Template:
    """Make the next version; the same settings again make none."""
    with books.db.write() as conn:
        return templates.add(
            conn, name, body.settings, body.note, who.by, who.now_s, body.base_version
        )


def _changes(conn: Any, body: ChangeIn) -> tuple[dict[str, Any], str]:
    if bool(body.settings) == bool(body.template):
        raise StationError("Give either settings, or the name of a template.")
    if body.settings:
        return dict(body.settings), ""
    found = templates.get(conn, *templates.parse_name(body.template))
    return found.settings, str(found)


@router.post("/settings/dry-run")
def dry_run(body: ChangeIn, books: BooksDep, page: PageDep, who: Reader) -> Page[Preview]:
    """What it would do to each meter: nothing is sent."""
    after = page.after(str)
    with books.db.read() as conn:
        changes, _ = _changes(conn, body)
        chosen = select.choose(conn, body.selection.made(), who.now_s)
        chosen = [known for known in chosen if after is None or known.meter > after[0]]
        seen = preview.of_all(conn, chosen[: page.limit + 1], changes, who.now_s)
    return page.of(seen, key=lambda one: (one.meter,))


@router.post("/rollouts", status_code=202)
def start_rollout(body: RolloutIn, books: BooksDep, who: Writer) -> RolloutOut:
    """Bring settings to one meter or to many. Asked twice it is refused the second time, as long
    as the first has to do with one of these meters and settings."""
    consent = Consent(body.leave_out_refusing, body.cut_off, body.versions)
    with books.db.write() as conn:
        changes, template = _changes(conn, body)
        rollout_id = rollout_plan.start_set(
            conn,
            body.selection.made(),
            changes,
            body.pace.made(),
            who.by,
            who.now_s,
            consent,
            template,
        )
        return RolloutOut.made(conn, rollout_rows.get(conn, rollout_id))


@router.post("/rollouts/updates", status_code=202)
def start_update(body: UpdateIn, books: BooksDep, who: Driver) -> RolloutOut:
    """Bring the chosen meters a release that was added."""
    with books.db.write() as conn:
        rollout_id = rollout_plan.start_update(
            conn, body.selection.made(), body.bundle, body.pace.made(), who.by, who.now_s
        )
        return RolloutOut.made(conn, rollout_rows.get(conn, rollout_id))


@router.get("/rollouts")
def list_rollouts(books: BooksDep, page: PageDep, who: Reader) -> Page[RolloutOut]:
    """The newest first."""
    after = page.after(int)
    with books.db.read() as conn:
        rows = rollout_rows.page(conn, page.limit + 1, after[0] if after else None)
        return page.of(
            rows, key=lambda row: (row.id,), make=lambda row: RolloutOut.made(conn, row)
        )


@router.get("/rollouts/{rollout_id}")
def get_rollout(rollout_id: IdPath, books: BooksDep, who: Reader) -> RolloutOut:
    with books.db.read() as conn:
        return RolloutOut.made(conn, rollout_rows.get(conn, rollout_id))


@router.get("/rollouts/{rollout_id}/meters")
def rollouts_meters(
    rollout_id: IdPath,
    books: BooksDep,
    page: PageDep,
    who: Reader,
    state: Annotated[_State | None, Query()] = None,
) -> Page[MeterRow]:
    after = page.after(str)
    with books.db.read() as conn:
        rollout_rows.get(conn, rollout_id)
        rows = rollout_rows.page_meters(
            conn, rollout_id, page.limit + 1, after[0] if after else "", state
        )
    return page.of(rows, key=lambda row: (row.meter,))


@router.get("/rollouts/{rollout_id}/meters/{meter}/keys")
def rollouts_keys(
    rollout_id: IdPath, meter: MeterPath, books: BooksDep, who: Reader
) -> list[KeyRow]:
    with books.db.read() as conn:
        rollout_rows.get(conn, rollout_id)
        return rollout_rows.keys(conn, rollout_id, meter)


@router.get("/rollouts/{rollout_id}/log")
def rollouts_log(rollout_id: IdPath, books: BooksDep, who: Reader) -> list[rollout_rows.Logged]:
    with books.db.read() as conn:
        rollout_rows.get(conn, rollout_id)
        return rollout_rows.logged(conn, rollout_id)


@router.post("/rollouts/{rollout_id}/pause")
def pause_rollout(rollout_id: IdPath, books: BooksDep, who: Writer) -> RolloutOut:
    with books.db.write() as conn:
        return RolloutOut.made(conn, rollouts.pause(conn, rollout_id, who.by, who.now_s))


@router.post("/rollouts/{rollout_id}/resume")
def resume_rollout(rollout_id: IdPath, body: ResumeIn, books: BooksDep, who: Writer) -> RolloutOut:
    with books.db.write() as conn:
        resumed = rollouts.resume(conn, rollout_id, who.by, who.now_s, body.failed_permille)
        return RolloutOut.made(conn, resumed)


@router.post("/rollouts/{rollout_id}/abort")
def abort_rollout(rollout_id: IdPath, books: BooksDep, who: Writer) -> RolloutOut:
    with books.db.write() as conn:
        return RolloutOut.made(conn, rollouts.abort(conn, rollout_id, who.by, who.now_s))


@router.post("/rollouts/{rollout_id}/rollback", status_code=202)
def roll_back(rollout_id: IdPath, body: RollbackIn, books: BooksDep, who: Writer) -> RolloutOut:
    with books.db.write() as conn:
        back = rollout_plan.roll_back(conn, rollout_id, who.by, who.now_s, body.pace.made())
        return RolloutOut.made(conn, rollout_rows.get(conn, back))

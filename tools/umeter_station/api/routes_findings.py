"""What is wrong with meters and books: findings, the limits of their rules, and who is told."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from umeter_station.api.deps import (
    BooksDep,
    Caller,
    ChField,
    IdPath,
    In,
    MeterField,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.people import acts
from umeter_station.watch import catalog, findings, limits, targets, thresholds
from umeter_station.watch.findings import Entry, Finding
from umeter_station.watch.targets import Target

router = APIRouter(prefix="/v1", tags=["findings"])

Reader = Annotated[Caller, need("findings:read")]
Writer = Annotated[Caller, need("findings:write")]
HooksReader = Annotated[Caller, need("hooks:read")]
HooksWriter = Annotated[Caller, need("hooks:write")]
Severity = Literal["info", "warn", "alarm", "critical"]
RuleId = Annotated[str, Field(pattern=r"^[AR][0-9]{2}$")]
Note = Annotated[str, Field(max_length=2000)]
Assignee = Annotated[str, Field(max_length=64)]


class Rule(Out):
    id: str
    title: str
    severity: str
    physical: bool


class Limit(Out):
    name: str
    unit: str
    meaning: str
    low: int
    high: int
    default: int


class OwnLimit(Out):
    """`meter` is empty for all meters, `ch` 0 for all channels."""

    meter: str
    ch: int
    name: str
    value: int


class NewLimit(In):
    meter: MeterField | None = None
    ch: ChField | None = None
    name: Annotated[str, Field(max_length=40)]
    value: Annotated[int | None, Field(description="null takes it back")]


class Acknowledgement(In):
    note: Note = ""
    assignee: Assignee = ""


class Closing(In):
    """`quiet_s`: so long it is not opened again, even if its rule sees it still."""

    note: Note = ""
    quiet_s: Annotated[int, Field(ge=0, le=366 * 86_400)] = 86_400


class Assignment(In):
    assignee: Assignee


class Remark(In):
    note: Annotated[str, Field(min_length=1, max_length=2000)]


class NewTarget(In):
    name: Annotated[str, Field(max_length=64)]
    kind: Literal["email", "webhook"]
    address: Annotated[str, Field(max_length=500)]
    severity: Severity = "alarm"
    rules: Annotated[list[RuleId], Field(max_length=40)] = []
    sites: Annotated[list[Annotated[str, Field(max_length=120)]], Field(max_length=100)] = []
    meters: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=100)] = []
    quiet_from: Annotated[int, Field(ge=0, lt=1440)] = 0
    quiet_to: Annotated[int, Field(ge=0, lt=1440)] = 0
    tz: Annotated[str, Field(max_length=64)] = "UTC"
    digest_min: Annotated[int, Field(ge=0, le=10_080)] = 0


class MadeTarget(Out):
    """`secret`: what a webhook's messages are signed with; it is shown now, and never again."""

    target: Target
    secret: str


class Switch(In):
    enabled: bool


@router.get("/findings")
def list_findings(
    books: BooksDep,
    page: PageDep,
    who: Reader,
    state: Literal["open", "acknowledged", "closed", "current"] | None = None,
    rule: Annotated[str | None, Query(pattern=r"^[AR][0-9]{2}$")] = None,
    meter: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = None,
    severity: Severity | None = None,
    explained: bool | None = None,
) -> Page[Finding]:
    """The newest first. `severity`: this and worse; `explained`: only those that another finding
    explains, or only those that none does; `state` current: all that are not closed."""
    after = page.after(int)
    with books.db.read() as conn:
        rows = findings.list_(
            conn,
            state=state,
            rule=rule,
            meter=meter,
            severity=severity,
            explained=explained,
            before_id=after[0] if after else None,
            limit=page.limit + 1,
        )
    return page.of(rows, key=lambda found: (found.id,))


@router.get("/findings/{finding_id}")
def get_finding(finding_id: IdPath, books: BooksDep, who: Reader) -> Finding:
    with books.db.read() as conn:
        return findings.get(conn, finding_id)


@router.get("/findings/{finding_id}/history")
def get_history(finding_id: IdPath, books: BooksDep, who: Reader) -> list[Entry]:
    """All that happened to it, the oldest first."""
    with books.db.read() as conn:
        findings.get(conn, finding_id)
        return findings.history(conn, finding_id)


@router.post("/findings/{finding_id}/acknowledge")
def acknowledge(
    finding_id: IdPath, body: Acknowledgement, books: BooksDep, who: Writer
) -> Finding:
    with books.db.write() as conn:
        return findings.acknowledge(conn, finding_id, who.by, who.now_s, body.note, body.assignee)


@router.post("/findings/{finding_id}/close")
def close(finding_id: IdPath, body: Closing, books: BooksDep, who: Writer) -> Finding:
    with books.db.write() as conn:
        return findings.close(conn, finding_id, who.by, who.now_s, body.note, body.quiet_s)


@router.post("/findings/{finding_id}/assign")
def assign(finding_id: IdPath, body: Assignment, books: BooksDep, who: Writer) -> Finding:
    with books.db.write() as conn:
        return findings.assign(conn, finding_id, body.assignee, who.by, who.now_s)


@router.post("/findings/{finding_id}/notes", status_code=204)
def remark(finding_id: IdPath, body: Remark, books: BooksDep, who: Writer) -> None:
    with books.db.write() as conn:
        findings.remark(conn, finding_id, body.note, who.by, who.now_s)


@router.get("/rules")
def list_rules(books: BooksDep, who: Reader) -> list[Rule]:
    return [Rule.of(rule) for rule in catalog.RULES]


@router.get("/thresholds")
def list_thresholds(books: BooksDep, who: Reader) -> list[Limit]:
    """All there are, with their defaults."""
    return [Limit(name=name, **vars(limit)) for name, limit in limits.TABLE.items()]


@router.get("/thresholds/own")
def own_thresholds(books: BooksDep, who: Reader) -> list[OwnLimit]:
    """Those that differ from the defaults: of all meters, of one, of a channel."""
    with books.db.read() as conn:
        loaded = thresholds.load(conn)
    return [
        OwnLimit(meter=meter, ch=ch, name=name, value=value)
        for meter, own in sorted(loaded.items())
        for (ch, name), value in sorted(own.items())
    ]


@router.put("/thresholds/own", status_code=204)
def put_threshold(body: NewLimit, books: BooksDep, who: Writer) -> None:
    with books.db.write() as conn:
        thresholds.put(
            *(conn, body.meter or "", body.ch or 0, body.name, body.value, who.by, who.now_s)
        )
        about = f"threshold:{body.name}"
        acts.note(conn, who.by, "threshold.set", about, body.model_dump(), who.now_s)


@router.get("/alert-targets")
def list_targets(books: BooksDep, who: HooksReader) -> list[Target]:
    with books.db.read() as conn:
        return targets.all_(conn)


@router.post("/alert-targets", status_code=201)
def add_target(body: NewTarget, books: BooksDep, who: HooksWriter) -> MadeTarget:
    """Tell somebody of findings, by mail or webhook."""
    values: dict[str, Any] = body.model_dump(exclude={"name", "kind", "address"})
    values |= {name: tuple(values[name]) for name in ("rules", "sites", "meters")}
    with books.db.write() as conn:
        target, secret = targets.add(
            conn, body.name, body.kind, body.address, who.by, who.now_s, **values
        )
    return MadeTarget(target=target, secret=secret)


@router.patch("/alert-targets/{target_id}")
def switch_target(target_id: IdPath, body: Switch, books: BooksDep, who: HooksWriter) -> Target:
    """Off: it hears nothing more, and nothing of the time until it is on again."""
    with books.db.write() as conn:
        return targets.switch(conn, target_id, body.enabled, who.by, who.now_s)

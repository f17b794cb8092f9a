"""Who did what, and what waits for a second person."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from umeter_station.api.deps import (
    BooksDep,
    Caller,
    IdPath,
    In,
    Need,
    Out,
    Page,
    PageDep,
    need,
    need_by,
)
from umeter_station.api.problems import refuse
from umeter_station.people import acts, approvals, roles
from umeter_station.people.acts import Act
from umeter_station.people.approvals import KINDS, Approval

router = APIRouter(prefix="/v1", tags=["audit"])

Kind = Literal[tuple(KINDS)]
Auditor = Annotated[Caller, need("audit:read")]
Filter = Annotated[str | None, Query(max_length=120)]


class Approver(Need):
    """Whose word counts where two are needed: a cashier may ask for a refund, but not decide."""

    def check(self, who: Caller) -> None:
        super().check(who)
        if who.role not in roles.APPROVERS:
            raise refuse(403, "That takes an owner or operator.")


class Chain(Out):
    count: int
    head: str
    is_sound: bool
    broken_n: int | None
    reason: str


class Decision(In):
    yes: bool


class Switch(In):
    on: bool


class Switches(Out):
    """For which kinds a second person is needed."""

    tariff: bool
    refund: bool
    supply: bool


@router.get("/acts")
def list_acts(
    books: BooksDep,
    page: PageDep,
    who: Auditor,
    by: Filter = None,
    about: Filter = None,
    act: Filter = None,
) -> Page[Act]:
    """The newest first."""
    before = page.after(int)
    with books.db.read() as conn:
        rows = acts.newest(
            conn, page.limit + 1, before[0] if before else None, by=by, about=about, act=act
        )
    return page.of(rows, key=lambda row: (row.n,))


@router.get("/acts/chain")
def verify_acts(
    books: BooksDep,
    who: Auditor,
    head: Annotated[str, Query(pattern=r"^([0-9a-f]{64})?$")] = "",
) -> Chain:
    """Walk the chain of hashes; with the `head` of an earlier walk, see that it still stands."""
    with books.db.read() as conn:
        return Chain.of(acts.verify(conn, head))


@router.get("/approvals")
def list_approvals(
    books: BooksDep,
    page: PageDep,
    who: Annotated[Caller, need("audit:read", *KINDS.values())],
    only_open: bool = False,
) -> Page[Approval]:
    """The newest first."""
    before = page.after(int)
    with books.db.read() as conn:
        rows = approvals.page(
            conn, page.limit + 1, who.now_s, before[0] if before else None, only_open
        )
    return page.of(rows, key=lambda row: (row.id,))


@router.post("/approvals/{approval_id}/decision")
def decide(
    approval_id: IdPath,
    body: Decision,
    books: BooksDep,
    who: Annotated[Caller, need_by(Approver(*KINDS.values()))],
) -> Approval:
    """Have it done, or decline it: by another owner or operator than the one who asked."""
    with books.db.write() as conn:
        kind = approvals.get(conn, approval_id, who.now_s).kind
        if not who.may(KINDS[kind]):
            raise refuse(403, f"That takes the right {KINDS[kind]}.")
        return approvals.decide(conn, approval_id, who.by, body.yes, who.now_s)


@router.get("/two-person")
def get_switches(books: BooksDep, who: Auditor) -> Switches:
    """For what a second person is needed."""
    with books.db.read() as conn:
        return Switches(**{kind: approvals.needed(conn, kind) for kind in KINDS})


@router.put("/two-person/{kind}", status_code=204)
def switch(
    kind: Kind, body: Switch, books: BooksDep, who: Annotated[Caller, need("people:write")]
) -> None:
    with books.db.write() as conn:
        approvals.switch(conn, kind, body.on, who.by, who.now_s)

"""Shifts at a desk and the cash in their drawers; agents who sell."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field
from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.amounts import MAX_AMOUNT_U
from umeter_station.api.deps import (
    AmountU,
    BooksDep,
    Caller,
    IdempotencyKey,
    IdPath,
    In,
    Out,
    Page,
    PageDep,
    need,
)
from umeter_station.api.papers import RESPONSES, PaperColumns, PaperForm, answer
from umeter_station.api.problems import refuse
from umeter_station.api.routes_sales import SaleOut, shown
from umeter_station.desk import agents, shifts, voids, writing, z_paper
from umeter_station.desk.shifts import Shift
from umeter_station.errors import StationError

router = APIRouter(prefix="/v1", tags=["desk"])

Cashier = Annotated[Caller, need("shifts:write")]
Reader = Annotated[Caller, need("shifts:read")]
AgentReader = Annotated[Caller, need("sales:read")]
AgentWriter = Annotated[Caller, need("tariffs:write")]
Register = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,32}$")]
Cash = Annotated[int, Field(ge=0, le=MAX_AMOUNT_U)]
Key = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
Reason = Annotated[str, Field(min_length=1, max_length=200)]
AgentPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,24}$")]
BankName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]


class NewShift(In):
    register_: Annotated[Register, Field(alias="register")] = "desk"
    float_u: Cash


class Counted(In):
    counted_u: Cash


class CashMove(In):
    """Above 0: brought from the safe into the drawer; below: taken there."""

    into_u: Annotated[int, Field(ge=-MAX_AMOUNT_U, le=MAX_AMOUNT_U)]
    reason: Reason


class Void(In):
    key: Key


class ShiftOut(Out):
    """`expected_u`: what should be in the drawer, now or when it was closed."""

    id: int
    register_: Annotated[str, Field(serialization_alias="register")]
    cashier: str
    opened_at: int
    float_u: int
    closed_at: int | None
    z_no: int | None
    expected_u: int
    counted_u: int | None
    over_u: int | None
    report: dict[str, Any] | None


class AgentTerms(In):
    ceiling_u: Cash
    commission_permille: Annotated[int, Field(ge=0, le=999)] = 0
    active: bool = True


class AgentPayment(In):
    """Into the caller's open shift (or the desk without shifts), or into a bank account."""

    amount_u: AmountU
    bank: BankName | None = None


class AgentOut(Out):
    name: str
    ceiling_u: int
    commission_permille: int
    active: bool
    owed_u: int
    room_u: int


def _shown(conn: Connection, found: Shift) -> ShiftOut:
    expected_u = found.expected_u
    return ShiftOut(
        **{n: getattr(found, n) for n in ShiftOut.model_fields if hasattr(found, n)}
        | {
            "register_": found.register,
            "expected_u": shifts.expected_u(conn, found.id) if expected_u is None else expected_u,
        }
    )


def _own(conn: Connection, who: Caller, shift_id: int) -> Shift:
    """A cashier's own shift; whoever may see the audit may see to anybody's."""
    found = shifts.get(conn, shift_id)
    if found.cashier != who.by and not who.may("audit:read"):
        raise refuse(403, f"Shift {shift_id} is another cashier's.")
    return found


@router.post("/shifts", status_code=201)
def open_shift(body: NewShift, books: BooksDep, who: Cashier) -> ShiftOut:
    """One per cashier and desk at a time."""
    with books.db.write() as conn:
        found = shifts.open_(conn, body.register_, who.by, body.float_u, who.by, who.now_s)
        return _shown(conn, found)


@router.get("/shifts")
def list_shifts(books: BooksDep, page: PageDep, who: Reader) -> Page[ShiftOut]:
    """The newest first."""
    before = page.after(int)
    with books.db.read() as conn:
        rows = shifts.page(conn, page.limit + 1, before[0] if before else None)
        found = {row.id: _shown(conn, row) for row in rows}
    return page.of(rows, key=lambda row: (row.id,), make=lambda row: found[row.id])


@router.get("/shifts/mine")
def my_shift(books: BooksDep, who: Reader) -> ShiftOut | None:
    """The caller's open shift; null if there is none."""
    with books.db.read() as conn:
        found = shifts.open_of(conn, who.by)
        return None if found is None else _shown(conn, found)


@router.get("/shifts/{shift_id}")
def get_shift(shift_id: IdPath, books: BooksDep, who: Reader) -> ShiftOut:
    with books.db.read() as conn:
        return _shown(conn, shifts.get(conn, shift_id))


@router.post("/shifts/{shift_id}/close")
def close_shift(shift_id: IdPath, body: Counted, books: BooksDep, who: Cashier) -> ShiftOut:
    """With what was counted; closed again with the same count it is the same shift."""
    with books.db.write() as conn:
        _own(conn, who, shift_id)
        return _shown(conn, shifts.close(conn, shift_id, body.counted_u, who.by, who.now_s))


@router.post("/shifts/{shift_id}/cash")
def move_cash(
    shift_id: IdPath, body: CashMove, books: BooksDep, who: Cashier, key: IdempotencyKey
) -> ShiftOut:
    with books.db.write() as conn:
        _own(conn, who, shift_id)
        shifts.move_cash(conn, shift_id, body.into_u, body.reason, key, who.by, who.now_s)
        return _shown(conn, shifts.get(conn, shift_id))


@router.post("/shifts/{shift_id}/voids")
def void_last_sale(shift_id: IdPath, body: Void, books: BooksDep, who: Cashier) -> SaleOut:
    """Take the shift's last sale back, if its order was not sent yet; `key` is the sale's."""
    with books.db.write() as conn:
        _own(conn, who, shift_id)
        return shown(voids.void_last(conn, shift_id, body.key, who.by, who.now_s))


@router.get("/shifts/{shift_id}/z", responses=RESPONSES)
def z_report(
    shift_id: IdPath,
    books: BooksDep,
    who: Reader,
    form: PaperForm = "json",
    columns: PaperColumns = "48",
) -> Response:
    """On paper; its figures are in the shift's `report`."""
    with books.db.read() as conn:
        found = shifts.get(conn, shift_id)
    if found.report is None:
        raise StationError(f"Shift {shift_id} is open; close it first.")
    return answer(z_paper.make(found.report, writing.of(books.config)), form, columns)


@router.get("/agents")
def list_agents(books: BooksDep, who: AgentReader) -> list[AgentOut]:
    with books.db.read() as conn:
        return [AgentOut.of(agent) for agent in agents.all_agents(conn)]


@router.put("/agents/{agent}")
def set_agent(agent: AgentPath, body: AgentTerms, books: BooksDep, who: AgentWriter) -> AgentOut:
    """Make an agent, or change his terms from now on."""
    with books.db.write() as conn:
        return AgentOut.of(
            agents.set_terms(
                conn,
                agent,
                body.ceiling_u,
                body.commission_permille,
                who.by,
                who.now_s,
                body.active,
            )
        )


@router.post("/agents/{agent}/payments")
def agent_pays(
    agent: AgentPath,
    body: AgentPayment,
    books: BooksDep,
    who: Annotated[Caller, need("sales:write")],
    key: IdempotencyKey,
) -> AgentOut:
    """He pays in what he owes, once per key."""
    with books.db.write() as conn:
        shift = shifts.open_of(conn, who.by)
        drawer = ledger.cash(None if shift is None else shift.id)
        into = drawer if body.bank is None else ledger.bank(body.bank)
        agents.settle(conn, agent, body.amount_u, into, key, who.by, who.now_s)
        return AgentOut.of(agents.get(conn, agent))

"""The ledger's accounts, and the nightly reports on what disagrees."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from umeter_station.api.deps import BooksDep, Caller, Out, Page, PageDep, need
from umeter_station.desk import accounts, reconcile
from umeter_station.desk.reconcile import Report
from umeter_station.people import acts

router = APIRouter(prefix="/v1", tags=["ledger"])

Auditor = Annotated[Caller, need("audit:read")]
AccountQuery = Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[!-~]+$")]


class AccountOut(Out):
    """balance_u = credit_u - debit_u. `unit`: "money", or "kwh" of a channel that counts those."""

    account: str
    unit: str
    debit_u: int
    credit_u: int
    balance_u: int


class EntryOut(Out):
    """`amount_u` above 0 was credited to the account; `balance_u` is after it."""

    id: int
    key: str
    at: int
    other: str
    amount_u: int
    balance_u: int
    command_id: int | None


class MismatchOut(Out):
    rule: str
    what: str
    meter: str
    ch: int
    evidence: dict[str, Any]


class ReportOut(Out):
    id: int
    at: int
    mismatches: list[MismatchOut]
    digest: str


@router.get("/ledger/accounts")
def list_accounts(
    books: BooksDep, page: PageDep, who: Auditor, prefix: AccountQuery | None = None
) -> Page[AccountOut]:
    """All accounts by name; the balances of each unit add up to 0."""
    after = page.after(str)
    with books.db.read() as conn:
        rows = [
            found
            for found in accounts.trial_balance(conn)
            if found.account.startswith(prefix or "")
            and (after is None or found.account > after[0])
        ]
    return page.of(rows, key=lambda row: (row.account,), make=AccountOut.of)


@router.get("/ledger/statement")
def statement(
    account: AccountQuery, books: BooksDep, page: PageDep, who: Auditor
) -> Page[EntryOut]:
    """What moved an account, the newest first."""
    before = page.after(int)
    with books.db.read() as conn:
        rows = accounts.statement(conn, account, page.limit + 1, before[0] if before else None)
    return page.of(rows, key=lambda row: (row.id,), make=EntryOut.of)


@router.get("/reconciliations")
def list_reconciliations(books: BooksDep, page: PageDep, who: Auditor) -> Page[ReportOut]:
    """The newest first."""
    before = page.after(int)
    with books.db.read() as conn:
        rows = reconcile.page(conn, page.limit + 1, before[0] if before else None)
    return page.of(rows, key=lambda row: (row.id,), make=_shown)


@router.post("/reconciliations", status_code=201)
def reconcile_now(books: BooksDep, who: Annotated[Caller, need("audit:write")]) -> ReportOut:
    """Compare the books with providers, meters and drawers now."""
    report = reconcile.run(books)
    with books.db.write() as conn:
        acts.note(conn, who.by, "reconcile", f"reconciliation:{report.id}", {}, who.now_s)
    return _shown(report)


def _shown(report: Report) -> ReportOut:
    return ReportOut.of(report)

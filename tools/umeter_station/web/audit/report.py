"""A report on what disagrees, by what was compared, with the findings that it led to."""

from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station.desk import accounts, checks, reconcile
from umeter_station.desk.accounts import Account
from umeter_station.desk.checks import Mismatch
from umeter_station.desk.reconcile import Report
from umeter_station.watch import findings

RULES = (checks.LEDGER, checks.PROVIDER, checks.METER, checks.SHIFT)
_MOST = 100


@dataclass(frozen=True)
class Group:
    """What one rule found: each mismatch, and the finding (None: none is open) that tells of it.
    `count` may be more than those that are here."""

    rule: str
    count: int
    found: tuple[tuple[Mismatch, int | None], ...]


def groups(conn: Connection, report: Report) -> list[Group]:
    """In the order of RULES, also those in which all agrees."""
    found = []
    for rule in RULES:
        current = findings.list_(conn, state="current", rule=rule, limit=1000)
        places = {(each.meter, each.ch): each.id for each in current}
        mine = [each for each in report.mismatches if each.rule == rule]
        shown = tuple((each, places.get((each.meter, each.ch))) for each in mine[:_MOST])
        found.append(Group(rule, len(mine), shown))
    return found


def of_the_house(conn: Connection) -> list[Account]:
    """The accounts that are not empty, and no channel's own."""
    all_ = accounts.trial_balance(conn)
    return [each for each in all_ if "/" not in each.account and each.balance_u]


def newest(conn: Connection, report_id: int | None) -> Report | None:
    """The one of that number, else the newest; None if there is none."""
    found = reconcile.page(conn, 1, None if report_id is None else report_id + 1)
    if not found or (report_id is not None and found[0].id != report_id):
        return None
    return found[0]

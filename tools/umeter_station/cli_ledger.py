"""`umeter-station ledger` and `agents`: the accounts, and who sells for the operator."""

from typing import Annotated

import typer
from rich.table import Table

from umeter_station import ledger, vending
from umeter_station.amounts import format_u, parse_amount_u, parse_decimal_u
from umeter_station.desk import accounts, agents, shifts
from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.terminal import operator, out, say
from umeter_station.words import time_text

ledger_app = typer.Typer(no_args_is_help=True, help="The double-entry ledger.")
agents_app = typer.Typer(no_args_is_help=True, help="Who sells for the operator.")
AgentName = Annotated[str, typer.Argument(help="The agent's name.", metavar="AGENT")]


@ledger_app.command("trial-balance")
def trial_balance(
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Every channel's, too.")] = False,
) -> None:
    """All accounts, and that they balance."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = accounts.trial_balance(conn)
    table = Table("account", "unit")
    for name in ("debit", "credit", "balance"):
        table.add_column(name, justify="right")
    sums: dict[str, list[int]] = {}
    for account in found:
        total = sums.setdefault(account.unit, [0, 0])
        total[0] += account.debit_u
        total[1] += account.credit_u
        if all_ or "/" not in account.account:
            amounts = (account.debit_u, account.credit_u, account.balance_u)
            table.add_row(account.account, account.unit, *(format_u(u) for u in amounts))
    for unit, (debit_u, credit_u) in sums.items():
        amounts = (debit_u, credit_u, credit_u - debit_u)
        table.add_row("all", unit, *(format_u(u) for u in amounts))
    out.print(table)
    if any(debit_u != credit_u for debit_u, credit_u in sums.values()):
        raise StationError("The accounts do not balance; `umeter-station reconcile` says where.")


@ledger_app.command("statement")
def statement(
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(help="As customer:m1/3.", metavar="ACCOUNT")],
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    before: Annotated[int | None, typer.Option(help="Only what is older than this.")] = None,
) -> None:
    """What moved an account, the newest first."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = accounts.statement(conn, account, limit, before)
    table = Table("id", "time", "key", "to or from")
    table.add_column("amount", justify="right")
    table.add_column("balance", justify="right")
    for entry in found:
        amounts = (format_u(entry.amount_u), format_u(entry.balance_u))
        table.add_row(str(entry.id), time_text(entry.at), entry.key, entry.other, *amounts)
    out.print(table)


@agents_app.command("list")
def agents_list(ctx: typer.Context) -> None:
    """All agents, and what they owe."""
    books = Books(ctx.obj)
    table = Table("agent", "sells")
    for name in ("owes", "ceiling", "room", "commission"):
        table.add_column(name, justify="right")
    with books.db.read() as conn:
        for agent in agents.all_agents(conn):
            amounts = (format_u(u) for u in (agent.owed_u, agent.ceiling_u, agent.room_u))
            commission = f"{agent.commission_permille} per mille"
            table.add_row(agent.name, "yes" if agent.active else "no", *amounts, commission)
    out.print(table)


@agents_app.command("set")
def agents_set(
    ctx: typer.Context,
    agent: AgentName,
    ceiling: Annotated[str, typer.Option(help="What he may owe at most.")],
    commission: Annotated[int, typer.Option(help="Per mille of what is paid.")] = 0,
    stopped: Annotated[bool, typer.Option("--stopped", help="He sells no more.")] = False,
) -> None:
    """Make an agent, or change his terms."""
    books, ceiling_u = Books(ctx.obj), parse_decimal_u(ceiling)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        found = agents.set_terms(
            conn, agent, ceiling_u, commission, operator(), now_s, active=not stopped
        )
    say(f"Agent {agent} owes {format_u(found.owed_u)} of at most {format_u(found.ceiling_u)}.")


@agents_app.command("pays")
def agents_pays(
    ctx: typer.Context,
    agent: AgentName,
    amount: Annotated[str, typer.Argument(help="As 12.50.", metavar="AMOUNT")],
    bank: Annotated[str | None, typer.Option(help="Into this bank account, not in cash.")] = None,
    key: Annotated[str | None, typer.Option(help="The same key again is the same.")] = None,
) -> None:
    """An agent pays in what he owes: into your open shift's drawer, or the bank."""
    books, by, amount_u = Books(ctx.obj), operator(), parse_amount_u(amount)
    with books.db.write() as conn:
        shift = shifts.open_of(conn, by)
        drawer = ledger.cash(None if shift is None else shift.id)
        into = drawer if bank is None else ledger.bank(bank)
        now_s = books.clock.now_s()
        agents.settle(conn, agent, amount_u, into, key or vending.new_key(), by, now_s)
        found = agents.get(conn, agent)
    say(f"{format_u(amount_u)} is paid in; agent {agent} owes {format_u(found.owed_u)}.")

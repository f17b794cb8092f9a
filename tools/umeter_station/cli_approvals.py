"""`umeter-station approvals`: what waits for a second person; and `supply`, which may."""

import json
from typing import Annotated

import typer
from rich.table import Table

from umeter_station import supply_orders, words
from umeter_station.cli_wait import Channel, NoWait, wait
from umeter_station.desk import two_person as two_person  # Registers what is carried out.
from umeter_station.people import approvals
from umeter_station.station import Books
from umeter_station.terminal import MeterName, operator, out, say

approvals_app = typer.Typer(no_args_is_help=True, help="What waits for a second person.")

ApprovalId = Annotated[int, typer.Argument(help="The approval's number.", metavar="NUMBER")]
_MOST = 1_000


@approvals_app.command("list")
def approvals_list(
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Also those that were decided.")] = False,
) -> None:
    """What waits, the newest first."""
    books = Books(ctx.obj)
    table = Table("number", "kind", "what", "asked by", "until", "state", "decided by")
    with books.db.read() as conn:
        for each in approvals.page(conn, _MOST, books.clock.now_s(), only_open=not all_):
            table.add_row(
                str(each.id),
                each.kind,
                json.dumps(each.args, ensure_ascii=False).replace("[", "\\["),
                each.asked_by,
                words.time_text(each.expires_at),
                each.state,
                each.decided_by or "-",
            )
    out.print(table)


@approvals_app.command("accept")
def approvals_accept(ctx: typer.Context, number: ApprovalId) -> None:
    """Have it done; not by whoever asked."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        done = approvals.decide(conn, number, operator(), True, books.clock.now_s())
    say(f"Approval {number} is carried out: {json.dumps(done.outcome)}.")


@approvals_app.command("decline")
def approvals_decline(ctx: typer.Context, number: ApprovalId) -> None:
    """Have it not done; not by whoever asked."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        approvals.decide(conn, number, operator(), False, books.clock.now_s())
    say(f"Approval {number} is declined.")


@approvals_app.command("switch")
def approvals_switch(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help=", ".join(approvals.KINDS), metavar="KIND")],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether it takes two people.")],
) -> None:
    """Have one kind of deed take two people, or not."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        approvals.switch(conn, kind, on, operator(), books.clock.now_s())
    say(f"Every {kind} takes two people." if on else f"A {kind} takes one person.")


def supply(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    state: Annotated[str, typer.Argument(help="open or close", metavar="open|close")],
    no_wait: NoWait = False,
) -> None:
    """Hold a channel's contact open, or release it."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        done = supply_orders.order(conn, meter, channel, state, operator(), now_s)
    if done.approval_id is not None:
        say(f"That waits for another person, as approval {done.approval_id}.")
        return
    wait(books, done.result["order_id"], no_wait)


def add_to(app: typer.Typer) -> None:
    app.add_typer(approvals_app, name="approvals")
    app.command("supply")(supply)

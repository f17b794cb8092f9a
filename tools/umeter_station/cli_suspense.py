"""`umeter-station suspense`: money whose owner is not known yet."""

from typing import Annotated

import typer
from rich.table import Table

from umeter_station import words
from umeter_station.amounts import format_u
from umeter_station.cli_wait import Channel
from umeter_station.errors import StationError
from umeter_station.pay import suspense
from umeter_station.station import Books
from umeter_station.terminal import MeterName, operator, out, say

suspense_app = typer.Typer(
    no_args_is_help=True, help="Money whose owner is not known yet, and what was taken back."
)

ItemId = Annotated[int, typer.Argument(help="The item's number.", metavar="ITEM")]
Note = Annotated[str, typer.Option(help="What was done, in a few words.")]


@suspense_app.command("list")
def suspense_list(
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,
) -> None:
    """The work list, the oldest first."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = suspense.page(conn, 10_000, state=None if all_ else "open")
    table = Table("item", "since", "amount", "account", "why", "text", "party", "state")
    for item in found:
        sign = "-" if item.direction == "out" else ""
        row = (str(item.id), words.time_text(item.opened_at), sign + format_u(item.amount_u))
        state = item.state if not item.closing else f"{item.state}: {item.closing}"
        table.add_row(*row, item.account, item.why, item.text, item.party, state)
    out.print(table)


@suspense_app.command("assign")
def suspense_assign(
    ctx: typer.Context,
    item: ItemId,
    meter: Annotated[str | None, typer.Option(help="The meter it is for, with --channel.")] = None,
    channel: Annotated[int | None, typer.Option(help="The channel.")] = None,
    tenant: Annotated[int | None, typer.Option(help="Into this tenant's wallet.")] = None,
    provider: Annotated[str | None, typer.Option(help="It is this provider's payout.")] = None,
) -> None:
    """Say whose the money is; for a channel it is sold at once."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    named = [meter is not None and channel is not None, tenant is not None, provider is not None]
    if sum(named) != 1:
        raise StationError("Name one: --meter with --channel, --tenant, or --provider.")
    with books.db.write() as conn:
        if tenant is not None:
            suspense.assign_wallet(conn, item, tenant, operator(), now_s)
        elif provider is not None:
            suspense.assign_clearing(conn, item, provider, operator(), now_s)
        else:
            suspense.assign(conn, item, meter or "", channel or 0, operator(), now_s)
        closed = suspense.get(conn, item)
    say(f"Item {item} is {closed.state}: {closed.closing}.", "green")


@suspense_app.command("return")
def suspense_return(ctx: typer.Context, item: ItemId, note: Note = "") -> None:
    """It was sent back to its sender."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        suspense.return_(conn, item, operator(), books.clock.now_s(), note)
    say(f"Item {item} is returned.", "green")


@suspense_app.command("recover")
def suspense_recover(ctx: typer.Context, item: ItemId, meter: MeterName, channel: Channel) -> None:
    """Make good for a chargeback out of what is due back to a channel."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        suspense.recover(conn, item, meter, channel, operator(), books.clock.now_s())
    say(f"Item {item} is recovered.", "green")


@suspense_app.command("write-off")
def suspense_write_off(ctx: typer.Context, item: ItemId, note: Note = "") -> None:
    """A chargeback that nobody makes good for."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        suspense.write_off(conn, item, operator(), books.clock.now_s(), note)
    say(f"Item {item} is written off.", "green")

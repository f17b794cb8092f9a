"""`umeter-station maintenance`: a board is to be worked on."""

from typing import Annotated

import typer

from umeter_station import orders
from umeter_station.cli_wait import NoWait, wait
from umeter_station.station import Books
from umeter_station.terminal import MeterName


def maintenance(
    ctx: typer.Context,
    meter: MeterName,
    minutes: Annotated[
        int, typer.Option(help="So long at most; a restart of the board ends it earlier.")
    ] = 30,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_wait: NoWait = False,
) -> None:
    """Stop a meter for whom is at the board: its books are safe, and all its contacts open."""
    books = Books(ctx.obj)
    question = f"Cut every user of {meter} off for up to {minutes} minutes?"
    if not yes and not typer.confirm(question, err=True):
        raise typer.Exit(1)
    with books.db.write() as conn:
        order = orders.order_maintenance(conn, meter, minutes, books.clock.now_s())
    wait(books, order, no_wait)

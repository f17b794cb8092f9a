"""What the commands that give orders share: they wait for the meter, and say what it answered."""

from typing import Annotated

import typer

from umeter_station import answers
from umeter_station.desk import sales
from umeter_station.orders import Command
from umeter_station.station import Books
from umeter_station.terminal import err, say

_WAIT_S = 30.0
# Told by a table instead.
_TABLED = {"read": "reading", "status": "account", "link": "link"}

Channel = Annotated[int, typer.Argument(help="1, 2, ...", metavar="CHANNEL")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the meter's answer.")]


def wait(books: Books, command_id: int, no_wait: bool) -> Command:
    """Wait for the meter, say what it answered; exit code 1 unless it did what was asked."""
    if no_wait:
        command = books.command(command_id)
        say(_sentence(books, command))
        return command
    with err.status("Waiting for the meter ..."):
        command = books.wait_result(command_id, _WAIT_S)
    if command.state != "applied":
        text = _sentence(books, command)
        err.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    if _TABLED.get(command.op) not in (command.result or {}):
        say(_sentence(books, command), "green")
    return command


def _sentence(books: Books, command: Command) -> str:
    if command.op != "credit":
        return answers.sentence(command)
    with books.db.read() as conn:
        sale = sales.by_order(conn, command.id)
    return answers.sentence(command, None if sale is None else sale.quote)

"""`umeter-station set`: shows a change of settings, asks, sends it, tells each key's fate."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from umeter_station import answers, change
from umeter_station.change_warnings import warnings
from umeter_station.cli_wait import NoWait
from umeter_station.errors import StationError
from umeter_station.fleet import rollout_plan
from umeter_station.orders import Command
from umeter_station.people import approvals
from umeter_station.station import Books
from umeter_station.terminal import MeterName, err, out, say
from umeter_station.twin import Twin

_WAIT_S = 30.0


def set_(
    ctx: typer.Context,
    meter: MeterName,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="The value as JSON; null: the default."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSON object of settings.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_wait: NoWait = False,
) -> None:
    """Change a meter's settings; amounts (_u) may be written as decimals, as 0.25."""
    wanted = change.parse(changes or [], file)
    books = Books(ctx.obj)
    _check_alone(books, meter, wanted)
    twin = books.twin(meter)  # First: whatever changes from now on is a conflict.
    known = books.meter(meter)
    planned = change.plan(known, wanted, twin.waiting())
    out.print(_difference(planned))
    for text in _on_their_way(twin):
        err.print(Text(text, "yellow"), soft_wrap=True)
    reading = books.latest_reading(meter)
    for warning in warnings(known, planned, reading, books.clock.now_s()):
        err.print(Text(warning, "yellow"), soft_wrap=True)
    if not yes and not _agreed(meter):
        raise StationError("Nothing was sent.")
    version, by = twin.version, _operator()
    for order in planned.orders:
        command_id = books.order_set(meter, order, version, by)
        version = books.command(command_id).args["version"]
        if no_wait:
            say(answers.sentence(books.command(command_id)))
            continue
        with err.status("Waiting for the meter ..."):
            command = books.wait_result(command_id, _WAIT_S)
        _tell(command)
        if command.state != "applied":  # what follows may build on it
            raise typer.Exit(1)


def _check_alone(books: Books, meter: str, wanted: dict[str, Any]) -> None:
    """Where prices take two people, nobody sets them alone from here."""
    with books.db.read() as conn:
        if rollout_plan.is_tariff(wanted) and approvals.needed(conn, "tariff"):
            raise StationError(
                "A change of prices takes a second person here; use `umeter-station fleet set"
                f" ... -m {meter}`, which asks for one."
            )


def _operator() -> str:
    """Who sits here, as the others will read it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # A container may have no name for its user.
        return ""


def _on_their_way(twin: Twin) -> list[str]:
    return [
        f"{twin.meter} has not answered yet to {row.key}={change.shown(row.key, row.value)}"
        f" (version {row.version}, by {row.set_by or 'somebody'}); it is counted as set."
        for row in twin.desired
        if row.is_open
    ]


def _agreed(meter: str) -> bool:
    try:
        return typer.confirm(f"Send this to {meter}?", err=True)
    except typer.Abort:
        raise StationError("Nothing was sent; nobody was there to ask, so add --yes.") from None


def _difference(planned: change.Change) -> Table:
    table = Table("setting", "reported", "desired", box=box.SIMPLE_HEAD)
    for key in planned.changes:
        before = change.shown(key, planned.reported.value(key))
        after = change.shown(key, planned.after.value(key))
        style = "dim" if before == after else ""
        before = before if planned.is_reported else "-"
        table.add_row(key, Text(before), Text(after), style=style)
    return table


def _tell(command: Command) -> None:
    """Each key's fate, if the meter's answer has it; else what became of the order."""
    keys = (command.result or {}).get("keys")
    if not isinstance(keys, dict):
        applied = command.state == "applied"
        out_or_err = out if applied else err
        style = "green" if applied else "yellow"
        text = Text(answers.sentence(command), style)
        out_or_err.print(text, soft_wrap=True)
        return
    table = Table("setting", "answer", box=box.SIMPLE_HEAD)
    for key in command.args["set"]:
        fate = str(keys.get(key, "not applied"))
        table.add_row(key, Text(fate), style="green" if fate == "applied" else "yellow")
    out.print(table)

"""`umeter-station history`: how far a meter's logs are pulled, and a hand on the tap."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from umeter_station.errors import StationError
from umeter_station.pulling import Progress
from umeter_station.station import Books
from umeter_station.terminal import MeterName, out, say

_NAMES = {"events": "audit log", "profile": "load profile"}


def history(
    ctx: typer.Context,
    meter: MeterName,
    pause: Annotated[bool, typer.Option("--pause", help="Pull nothing more for now.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on, and look for gaps in what is here.")
    ] = False,
) -> None:
    """How far a meter's logs are pulled: what is here, to come, and lost."""
    if pause and resume:
        raise StationError("Choose one of --pause and --resume.")
    books = Books(ctx.obj)
    if pause:
        new = books.pause_history(meter)
        say(f"Nothing more of the logs of {meter} is pulled{'' if new else ', as before'}.")
    elif resume:
        new = books.resume_history(meter)
        say(f"The logs of {meter} are pulled{' again' if new else ', as before'}.")
    out.print(_table(meter, books.history(meter)))


def _table(meter: str, logs: list[Progress]) -> Table:
    table = Table(title=f"logs of {meter}", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("log", "have", "oldest", "newest", "missing", "lost", "pull"):
        text = name in ("log", "pull")
        table.add_column(name, justify="left" if text else "right", no_wrap=True)
    for log in logs:
        numbers = (log.have, log.oldest_n, log.newest_n, log.missing, log.lost)
        table.add_row(_NAMES[log.kind], *map(str, numbers), _state(log))
    return table


def _state(log: Progress) -> str:
    if log.is_paused:
        return "paused"
    if log.is_asked:
        return "asked"
    if log.missing:
        return f"refused in {log.refused_in}" if log.refused_in else "waits for a reading"
    return "complete" if log.announced_n else "nothing told yet"

"""`umeter-station update`: bring meters another release of their software."""

import getpass
import time
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from umeter_deploy import bundle as bundles
from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.terminal import err, out, say
from umeter_station.update import Update
from umeter_station.words import time_text

_POLL_S = 0.2
_Meters = Annotated[list[str], typer.Argument(help="The meters' names.", metavar="METER...")]


def update(
    ctx: typer.Context,
    meters: _Meters,
    bundle: Annotated[
        Path | None, typer.Option(help="What `umeter bundle` has made for their board.")
    ] = None,
    canary: Annotated[
        bool, typer.Option("--canary", help="The others begin once the first one has kept it.")
    ] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Give up what is under way.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for its end.")] = False,
) -> None:
    """Bring meters a release, or tell how far they are. They meter on meanwhile; a release that
    does not do well within its first minutes gives way to the one before by itself."""
    if abort and (bundle or canary or no_wait):
        raise StationError("--abort goes alone, with the meters' names.")
    if canary and (no_wait or bundle is None):
        raise StationError("--canary needs a --bundle, and has to wait for the first meter.")
    books = Books(ctx.obj)
    if abort:
        for meter in meters:
            given_up = books.give_up_update(meter)
            say(f"{meter}: {'given up' if given_up else 'nothing was under way'}.")
        return
    if bundle is not None:
        try:
            name = books.add_bundle(bundles.read(bundle))
        except ValueError as error:
            raise StationError(f"{error}.") from None
        for group in (meters[:1], meters[1:]) if canary else (meters,):
            for meter in group:
                books.start_update(meter, name, getpass.getuser())
            if not no_wait and not _wait(books, group):
                out.print(_table(books, meters))
                raise typer.Exit(1)
    out.print(_table(books, meters))


def _wait(books: Books, meters: list[str]) -> bool:
    """Until none is under way any more. Has each kept its release?"""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=err) as progress:
        tasks = {meter: progress.add_task(meter, state="", total=1) for meter in meters}
        while True:
            found = [books.update(meter) for meter in meters]
            for known in found:
                if known is not None:
                    progress.update(
                        tasks[known.meter],
                        total=known.files,
                        completed=_done(known),
                        state=_state(known),
                    )
            if not any(known is not None and known.is_open for known in found):
                return all(known is not None and known.state == "kept" for known in found)
            time.sleep(_POLL_S)


def _done(known: Update) -> int:
    if known.state in ("offered", "fetching"):
        return max(0, known.want_file - 1)
    return known.files


def _state(known: Update) -> str:
    if known.state == "fetching":
        return f"file {known.want_file} of {known.files}"
    return known.state


def _table(books: Books, meters: list[str]) -> Table:
    table = Table(title="updates", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("meter", "release", "state", "since", "asked by"):
        table.add_column(name, no_wrap=True)
    table.add_column("", overflow="fold")
    for meter in meters:
        known = books.update(meter)
        if known is None:
            table.add_row(meter, "-", "-", "-", "-", "")
        else:
            table.add_row(
                meter,
                str(known.release),
                _state(known),
                time_text(known.since),
                known.by or "-",
                known.sentence,
            )
    return table

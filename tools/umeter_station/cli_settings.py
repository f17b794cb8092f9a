"""`umeter-station settings`: what a meter's settings shall be, and what it reports."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from umeter_station import change
from umeter_station.station import Books
from umeter_station.terminal import MeterName, out, say
from umeter_station.twin import Desired, Twin
from umeter_station.words import age_text

_STYLES = {"waiting": "yellow", "applied": "green", "refused": "red", "differs": "red"}


def settings(
    ctx: typer.Context,
    meter: MeterName,
    all_: Annotated[
        bool, typer.Option("--all", help="Also what is reported and nobody has set here.")
    ] = False,
) -> None:
    """What was set on a meter, what it reports, and since when the two differ."""
    books = Books(ctx.obj)
    twin = books.twin(meter)
    if twin.desired or (all_ and twin.reported):
        out.print(_table(twin, books.clock.now_s(), all_))
    else:
        say(f"Nothing was set on {meter} from here; what it reports is shown with --all.")


def _table(twin: Twin, now_s: int, all_: bool) -> Table:
    title = f"settings of {twin.meter}, version {twin.version}"
    if twin.reported:
        title += f", reported {twin.reported.get('version')}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("setting", "desired", "reported", "state", "for", "set by"):
        table.add_column(name, overflow="fold")
    desired = {row.key: row for row in twin.desired}
    rest = [key for key in twin.reported if key != "version"] if all_ else []
    for key in sorted({*desired, *rest}):
        row = desired.get(key)
        reported = _reported(twin, key)
        if row is None:
            table.add_row(key, "", reported, style="dim")
            continue
        table.add_row(
            key,
            Text(change.shown(key, row.value)),
            Text(reported),
            Text(_state(row), _STYLES[row.state]),
            age_text(now_s - row.since),
            Text(f"{row.set_by or '-'}, version {row.version}"),
        )
    return table


def _reported(twin: Twin, key: str) -> str:
    if key in twin.reported:
        return change.shown(key, twin.reported[key])
    return "as the site" if twin.reported and key.startswith("ch.") else "-"


def _state(row: Desired) -> str:
    if row.state == "waiting" and not row.is_open:
        return "not answered; set it again"
    return f"refused: {row.sentence}" if row.state == "refused" else row.state

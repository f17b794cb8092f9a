"""`umeter-station link`: how a meter's link has fared since its boot."""

from typing import Any

import typer
from rich import box
from rich.table import Table

from umeter_station.cli_wait import NoWait, wait
from umeter_station.station import Books
from umeter_station.terminal import MeterName, out

_ROWS = {
    "sessions": "sessions begun",
    "failures": "failures in a row before this one",
    "broker": "broker in use, of the site's",
    "tls": "TLS",
    "time": "certificate dates judged by",
    "error": "last error",
    "forged": "messages not signed by this station",
    "unnumbered": "signed, but without a number",
    "oversize": "too long",
    "discards": "on other topics, or too many at once",
}


def link(ctx: typer.Context, meter: MeterName, no_wait: NoWait = False) -> None:
    """Ask a meter how its link has fared since its boot, and what it has refused to look at."""
    books = Books(ctx.obj)
    command = wait(books, books.order_link(meter), no_wait)
    told = (command.result or {}).get("link")
    if isinstance(told, dict):
        out.print(_table(meter, told))


def _table(meter: str, told: dict[str, Any]) -> Table:
    table = Table(title=f"link of {meter}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("since its boot")
    table.add_column("", overflow="fold")
    for key, words in _ROWS.items():
        table.add_row(words, _shown(key, told.get(key)))
    return table


def _shown(key: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if key == "tls":
        return "yes" if value else "no, plain TCP"
    return str(value + 1 if key == "broker" and type(value) is int else value)

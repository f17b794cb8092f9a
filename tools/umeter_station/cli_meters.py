"""`umeter-station meters`: who is known, who is new, who has a new key, who is gone."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from umeter_station import provision, words
from umeter_station.cli_wait import NoWait, wait
from umeter_station.errors import StationError
from umeter_station.meters import Meter, parse_key
from umeter_station.station import Books
from umeter_station.terminal import MeterName, err, out, say

meters_app = typer.Typer(no_args_is_help=True, help="The meters this station knows.")
_DAY_S = 86_400


@meters_app.command("list")
def meters_list(ctx: typer.Context) -> None:
    """All meters, and whether they are there."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    table = Table(
        "meter", "presence", "channels", "boot", "last heard of", "orders waiting", "link", "key"
    )
    for known in books.meters():
        table.add_row(
            known.meter,
            known.presence if known.retired_at is None else "retired",
            str(known.channels or "-"),
            str(known.boot or "-"),
            words.time_text(known.seen_at),
            str(books.open_orders(known.meter)),
            _link(known),
            _key(known, now_s),
        )
    out.print(table)


def _link(known: Meter) -> str:
    """How it is connected, as it has said itself."""
    tls = json.loads(known.status).get("tls")
    return ("plain", "TLS")[tls] if type(tls) is int and tls in (0, 1) else "-"


def _key(known: Meter, now_s: int) -> str:
    days = max(0, now_s - known.key_at) // _DAY_S
    age = f"{days} d"
    return {"offered": f"{age}, a new one is on its way", "moved": f"{age}, not used yet"}.get(
        known.key_state, age
    )


@meters_app.command("add")
def meters_add(
    ctx: typer.Context,
    meter: MeterName,
    key: Annotated[str | None, typer.Option(help="64 hexadecimal digits.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="A file that holds them.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Make its secrets, and its files.")] = False,
    template: Annotated[
        Path | None, typer.Option(help="With --new: a site.json without meter and key.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="With --new: the folder for what its board takes.")
    ] = None,
) -> None:
    """Make a meter known: by a key that it has, or as a new one."""
    if (key is not None) + (key_file is not None) + new != 1:
        raise StationError("Give the meter's key with either --key-file or --key, or say --new.")
    if [template is not None, to is not None] != [new, new]:
        raise StationError("With --new, and only then, name a --template and a folder --to.")
    books = Books(ctx.obj)
    if new:
        for warning in provision.new_meter(books, meter, template, to):
            err.print(warning, style="yellow", markup=False, highlight=False, soft_wrap=True)
        say(
            f"Meter {meter} is added; what its board takes is in {to}, and nowhere else: copy it,"
            " then delete it. Its broker learns of it by `umeter-station broker-config`."
        )
        return
    if key_file is not None:
        try:
            key = key_file.read_text()
        except (OSError, ValueError):
            raise StationError(f"{key_file} cannot be read; name a readable key file.") from None
    added = books.add_meter(meter, parse_key(key))
    say(f"Meter {meter} is added." if added else f"Meter {meter} was known with this key already.")


@meters_app.command("rotate")
def meters_rotate(ctx: typer.Context, meter: MeterName, no_wait: NoWait = False) -> None:
    """Give a meter a new key, in place of the one it has."""
    books = Books(ctx.obj)
    wait(books, books.rotate_key(meter), no_wait)


@meters_app.command("retire")
def meters_retire(
    ctx: typer.Context,
    meter: MeterName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Have no more to do with a meter, for good; what is known of it stays."""
    books = Books(ctx.obj)
    books.meter(meter)
    if not yes:
        try:
            yes = typer.confirm(f"Retire {meter} for good?", err=True)
        except typer.Abort:
            raise StationError(f"{meter} stays; nobody was there to ask, so add --yes.") from None
        if not yes:
            raise StationError(f"{meter} stays.")
    if books.retire(meter):
        say(f"Meter {meter} is retired; run `umeter-station broker-config`, to shut it out there.")
    else:
        say(f"Meter {meter} was retired already.")

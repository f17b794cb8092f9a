"""`umeter-station tariffs` and `charges`: prices by name, and what ways to pay cost."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from umeter_station import change
from umeter_station.amounts import format_u, parse_decimal_u
from umeter_station.desk import charges, household, tariffs, two_person
from umeter_station.desk.charges import Charges
from umeter_station.desk.pricing import PROFILES
from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.terminal import MeterName, operator, out, say, say_it_waits
from umeter_station.words import time_text

tariffs_app = typer.Typer(no_args_is_help=True, help="Prices by name, given to channels in time.")
charges_app = typer.Typer(no_args_is_help=True, help="Fees and taxes of the ways to pay.")
TariffName = Annotated[str, typer.Argument(help="The tariff's name.", metavar="TARIFF")]
Version = Annotated[int | None, typer.Option(help="Not the newest version, but this.")]


@tariffs_app.command("list")
def list_(ctx: typer.Context) -> None:
    """All tariffs, in their newest version."""
    books = Books(ctx.obj)
    table = Table("tariff", "version", "since", "by", "settings")
    with books.db.read() as conn:
        for found in tariffs.all_newest(conn):
            keys = ", ".join(found.document)
            since = time_text(found.created_at)
            table.add_row(found.name, str(found.version), since, found.by, keys)
    out.print(table)


@tariffs_app.command("save")
def save(
    ctx: typer.Context,
    name: TariffName,
    settings: Annotated[
        list[str] | None, typer.Argument(help="As price_u_per_kwh=0.25.", metavar="KEY=VALUE")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSON object of settings.")] = None,
) -> None:
    """Write a new version of a tariff; no meter is told of it yet."""
    books, document = Books(ctx.obj), change.parse(settings or [], file)
    with books.db.write() as conn:
        found = tariffs.save(conn, name, document, operator(), books.clock.now_s())
    say(f"Tariff {name} is saved as version {found.version}.")


@tariffs_app.command("show")
def show(ctx: typer.Context, name: TariffName, version: Version = None) -> None:
    """A tariff's settings, as JSON."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        print(json.dumps(tariffs.get(conn, name, version).document, indent=2))


@tariffs_app.command("push")
def push(
    ctx: typer.Context,
    name: TariffName,
    meter: MeterName,
    channel: Annotated[int, typer.Option(help="Only this channel; 0: the whole meter.")] = 0,
    version: Version = None,
    at: Annotated[
        str | None, typer.Option("--from", help="Not now, but as 2027-01-31T00:00+00:00.")
    ] = None,
) -> None:
    """Give a meter, or one channel of it, a tariff from now on or from a later moment."""
    books, by = Books(ctx.obj), operator()
    with books.db.write() as conn:
        found = tariffs.get(conn, name, version)
        now_s = books.clock.now_s()
        done = two_person.push(conn, meter, channel, found, by, now_s, _moment(at))
    if done.approval_id is not None:
        say_it_waits(done.approval_id)
        return
    count = len((done.result or {})["orders"])
    say(f"{name} version {found.version} is on its way to {meter}, in {count} orders.")


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise StationError(f"{text!r} is no moment; write it as 2027-01-31T00:00+00:00.")
    return int(moment.timestamp())


@tariffs_app.command("preview")
def preview(
    ctx: typer.Context,
    name: TariffName,
    kwh: Annotated[int, typer.Option(help="Used in a month.")] = 250,
    profile: Annotated[str, typer.Option(help=", ".join(PROFILES))] = "household",
    way: Annotated[str, typer.Option(help="How it is paid.")] = "desk",
    version: Version = None,
) -> None:
    """What a household would pay in a month."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    with books.db.read() as conn:
        document = tariffs.get(conn, name, version).document
        cost = charges.in_force(conn, way, now_s)
    found = household.preview(document, kwh, profile, cost, now_s)
    table = Table("what", title=f"{name}, {kwh} kWh a month", title_justify="left")
    table.add_column("amount", justify="right")
    for part in found.parts:
        price = format_u(part.price_u_per_kwh)
        what = f"{part.wh // 1000} kWh, block {part.block}, rate {part.rate} at {price}"
        table.add_row(what, format_u(part.amount_u))
    table.add_row("standing charge, 30 days", format_u(found.standing_u))
    table.add_row("fee", format_u(found.fee_u))
    table.add_row("tax", format_u(found.tax_u))
    table.add_row("to pay", format_u(found.pays_u))
    out.print(table)


@charges_app.command("list")
def charges_list(ctx: typer.Context) -> None:
    """Everything that was ever set, the newest first."""
    books = Books(ctx.obj)
    table = Table("way", "from", "fee", "fee per mille", "tax per mille", "least", "most", "by")
    with books.db.read() as conn:
        for row in charges.all_terms(conn):
            table.add_row(
                row.way,
                time_text(row.from_s),
                format_u(row.fee_u),
                str(row.fee_permille),
                str(row.tax_permille),
                format_u(row.min_u) if row.min_u else "-",
                format_u(row.max_u) if row.max_u else "-",
                row.by,
            )
    out.print(table)


@charges_app.command("set")
def charges_set(
    ctx: typer.Context,
    way: Annotated[str, typer.Argument(help=f'{", ".join(charges.WAYS)}, or "*" for all.')],
    fee: Annotated[str, typer.Option(help="Of each payment.")] = "0",
    fee_permille: Annotated[int, typer.Option(help="Of what is paid.")] = 0,
    tax_permille: Annotated[int, typer.Option(help="Contained in what is paid.")] = 0,
    least: Annotated[str, typer.Option(help="The smallest payment.")] = "0",
    most: Annotated[str, typer.Option(help="The largest payment; 0: none.")] = "0",
) -> None:
    """Fees and taxes of a way to pay, from now on."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    amounts = [parse_decimal_u(text) for text in (fee, least, most)]
    terms = Charges(amounts[0], fee_permille, tax_permille, amounts[1], amounts[2], now_s)
    with books.db.write() as conn:
        charges.set_terms(conn, way, terms, operator(), now_s)
    say(f"Fees and taxes of {way} are set.")

"""`umeter-station quote`, `receipt`, `reconcile`, and the groups about shifts, agents, tariffs and
the ledger."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from umeter_station import cli_ledger, cli_paper, cli_shift, cli_tariffs
from umeter_station.amounts import format_u, parse_amount_u
from umeter_station.cli_wait import Channel
from umeter_station.desk import quotes, receipts, sales, writing
from umeter_station.desk.charges import WAYS
from umeter_station.desk.quotes import Quote
from umeter_station.errors import NotFound
from umeter_station.station import Books
from umeter_station.terminal import Amount, MeterName, operator, out, say


def add_to(app: typer.Typer) -> None:
    app.command()(quote)
    app.command()(receipt)
    app.command("reconcile")(reconcile_)
    app.add_typer(cli_shift.shift_app, name="shift")
    app.add_typer(cli_ledger.agents_app, name="agents")
    app.add_typer(cli_ledger.ledger_app, name="ledger")
    app.add_typer(cli_tariffs.tariffs_app, name="tariffs")
    app.add_typer(cli_tariffs.charges_app, name="charges")


def quote(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    amount: Amount,
    way: Annotated[str, typer.Option(help=f"How it is paid: {', '.join(WAYS)}.")] = "desk",
) -> None:
    """What an amount buys on a channel now."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = quotes.quote(
            conn, meter, channel, parse_amount_u(amount), way, books.clock.now_s()
        )
    out.print(_quote_table(found))
    for note in found.notes:
        say(note)


def _quote_table(found: Quote) -> Table:
    unit = " kWh" if found.is_kwh else ""
    title = f"{format_u(found.paid_u)} on {found.meter} channel {found.ch}"
    table = Table("what", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("value", justify="right")
    table.add_row("fee", format_u(found.fee_u))
    table.add_row("tax", format_u(found.tax_u))
    table.add_row("credit", format_u(found.order_u) + unit)
    if found.debt_u:
        about = "" if found.debt_known else ", at most"
        table.add_row(f"of it to debts{about}", format_u(found.debt_u) + unit)
    for part in found.parts:
        price = f"block {part.block}, rate {part.rate} at {format_u(part.price_u_per_kwh)}"
        table.add_row(price, f"{_kwh(part.wh)} = {format_u(part.amount_u)}")
    if found.energy_wh is not None:
        table.add_row("energy, about", _kwh(found.energy_wh))
    return table


def _kwh(wh: int) -> str:
    return f"{wh // 1000}.{wh % 1000:03} kWh"


def receipt(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="The key of the sale.", metavar="KEY")],
    form: cli_paper.Form = "text",
    to: cli_paper.To = None,
    columns: cli_paper.Columns = 48,
) -> None:
    """Print a sale's receipt; every print after the first is a counted copy."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        sale = sales.by_key(conn, key)
        if sale is None or not sale.receipt_no:
            raise NotFound(f"Nothing with a receipt was sold with key {key!r}.")
        register, no = sale.register, sale.receipt_no
        by, now_s, how = operator(), books.clock.now_s(), writing.of(books.config)
        printed = receipts.print_(conn, register, no, form, by, now_s, how)
    cli_paper.show(printed, form, to, columns)


def reconcile_(ctx: typer.Context) -> None:
    """Compare the books with the providers, the meters and the drawers now; exit code 1 if
    anything disagrees."""
    # It looks at every part of the station: no other command waits for them all to be imported.
    from umeter_station.desk import reconcile

    report = reconcile.run(Books(ctx.obj))
    for found in report.mismatches:
        place = f"{found.meter} channel {found.ch}: " if found.meter else ""
        say(f"{found.rule} {place}{found.what}", "yellow")
    count = len(report.mismatches)
    told = f"{count} mismatch{'' if count == 1 else 'es'}"
    say(f"Report {report.id}: {told}, digest {report.digest[:16]}.")
    if report.mismatches:
        raise typer.Exit(1)

"""`umeter-station`: read, sell, order, watch. Errors are one sentence and exit code 1."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live

from umeter_station import (
    cli_account,
    cli_approvals,
    cli_broker,
    cli_desk,
    cli_fleet,
    cli_history,
    cli_link,
    cli_logs,
    cli_maintenance,
    cli_meters,
    cli_ops,
    cli_pay,
    cli_people,
    cli_set,
    cli_settings,
    cli_tenants,
    cli_update,
    cli_watch,
    config,
    live,
    vending,
)
from umeter_station.amounts import format_u, parse_amount_u
from umeter_station.cli_wait import Channel, NoWait, wait
from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.terminal import Amount, MeterName, err, operator, out, say


class _Group(typer.core.TyperGroup):
    """Says refusals as one sentence, without a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except StationError as error:
            err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Group, no_args_is_help=True, add_completion=False, help="The umeter master station."
)
app.add_typer(cli_meters.meters_app, name="meters")
app.command("broker-config")(cli_broker.broker_config_)
app.add_typer(cli_logs.audit_app, name="audit")
app.command()(cli_logs.intervals)
cli_account.add_to(app)
cli_ops.add_to(app)
cli_desk.add_to(app)
cli_watch.add_to(app)
cli_fleet.add_to(app)
cli_pay.add_to(app)
cli_people.add_to(app)
cli_approvals.add_to(app)
cli_tenants.add_to(app)
app.command("set")(cli_set.set_)
app.command()(cli_settings.settings)
app.command()(cli_history.history)
app.command()(cli_link.link)
app.command()(cli_maintenance.maintenance)
app.command()(cli_update.update)


@app.callback()
def _main(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(envvar=config.HOME_VARIABLE, help="The station's directory [./station]."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Another database than config.toml's: a file, or postgresql://user@host/name.",
        ),
    ] = None,
) -> None:
    ctx.obj = home or config.default_home()
    if database is not None:
        # The environment, so that the processes which a command starts have the same.
        os.environ[config.DATABASE_VARIABLE] = database


@app.command()
def read(
    ctx: typer.Context,
    meter: MeterName,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask the meter now.")] = False,
    no_wait: NoWait = False,
) -> None:
    """The newest reading of a meter."""
    books = Books(ctx.obj)
    if fresh:
        wait(books, books.order_read(meter), no_wait)
    if not (fresh and no_wait):
        out.print(live.reading_table(books, meter))


@app.command()
def sell(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    amount: Amount,
    key: Annotated[
        str | None,
        typer.Option(help="Names this sale; the same key again is the same sale, not another."),
    ] = None,
    account: Annotated[
        int | None, typer.Option(help="Only if the channel still has this account.")
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Sell credit to one channel."""
    amount_u = parse_amount_u(amount)
    books = Books(ctx.obj)
    if key is None:
        key = vending.new_key()
        # Said before the sale: whoever is cut off now can ask again without selling twice.
        err.print(f"Purchase key {key}", style="dim", highlight=False)
    purchase = books.sell(meter, channel, amount_u, key, account=account, by=operator())
    if purchase.repeated:
        say(f"This is the sale of {format_u(amount_u)} made before with key {key}.")
    if purchase.refunded:
        paid = books.sale(key).quote.paid_text()
        raise StationError(f"Its {paid} is due back to the customer.")
    wait(books, purchase.last_command_id, no_wait)


@app.command()
def quarantine(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    action: Annotated[str, typer.Argument(help="accept or refuse", metavar="accept|refuse")],
    no_wait: NoWait = False,
) -> None:
    """Book the energy that a meter holds back as implausible, or give it up."""
    books = Books(ctx.obj)
    wait(books, books.order_quarantine(meter, channel, action), no_wait)


@app.command()
def watch(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
) -> None:
    """All meters, live, until stopped by Ctrl-C."""
    books = Books(ctx.obj)
    if once or not sys.stdout.isatty():
        out.print(live.overview(books))
        return
    try:
        with Live(live.overview(books), console=out, screen=True, auto_refresh=False) as view:
            while True:
                time.sleep(1)
                view.update(live.overview(books), refresh=True)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    app()

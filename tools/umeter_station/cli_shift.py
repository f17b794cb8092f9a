"""`umeter-station shift`: open a desk, count its cash, close it, print its Z-report, pay out."""

from typing import Annotated

import typer
from rich.table import Table

from umeter_station import cli_paper, vending
from umeter_station.amounts import format_u, parse_amount_u, parse_decimal_u
from umeter_station.cli_wait import Channel
from umeter_station.desk import payouts as payouts_
from umeter_station.desk import receipts, shifts, two_person, voids, writing, z_paper
from umeter_station.desk.shifts import Shift
from umeter_station.errors import NotFound, StationError
from umeter_station.station import Books
from umeter_station.terminal import ActKey, Amount, MeterName, operator, out, say, say_it_waits
from umeter_station.words import time_text

shift_app = typer.Typer(no_args_is_help=True, help="Shifts at a desk, and their cash.")


def _mine(books: Books) -> Shift:
    with books.db.read() as conn:
        found = shifts.open_of(conn, operator())
    if found is None:
        raise StationError("You have no open shift; open one by `umeter-station shift open`.")
    return found


@shift_app.command("open")
def open_(
    ctx: typer.Context,
    float_: Annotated[str, typer.Argument(help="Change in the drawer.", metavar="FLOAT")] = "0",
    desk: Annotated[str, typer.Option(help="Which desk.")] = "desk",
) -> None:
    """Open a shift with change from the safe."""
    books, by = Books(ctx.obj), operator()
    float_u = parse_decimal_u(float_)
    with books.db.write() as conn:
        found = shifts.open_(conn, desk, by, float_u, by, books.clock.now_s())
    say(f"Shift {found.id} at {desk} is open, with {format_u(float_u)} in its drawer.")


@shift_app.command("close")
def close(ctx: typer.Context, counted: Amount) -> None:
    """Close your shift with what was counted in its drawer."""
    books = Books(ctx.obj)
    mine, counted_u = _mine(books), parse_decimal_u(counted)
    with books.db.write() as conn:
        found = shifts.close(conn, mine.id, counted_u, operator(), books.clock.now_s())
    over_u = found.over_u or 0
    verdict = "as expected" if not over_u else f"{'over' if over_u > 0 else 'short'}"
    amount = f" by {format_u(abs(over_u))}" if over_u else ""
    say(f"Shift {found.id} is closed, {verdict}{amount}; its Z-report is {found.z_no}.")


@shift_app.command("z")
def z(
    ctx: typer.Context,
    shift: Annotated[int, typer.Argument(help="Number of the shift.", metavar="SHIFT")],
    form: cli_paper.Form = "text",
    to: cli_paper.To = None,
    columns: cli_paper.Columns = 48,
) -> None:
    """The Z-report of a closed shift."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = shifts.get(conn, shift)
    if found.report is None:
        raise StationError(f"Shift {shift} is open; close it first.")
    paper = z_paper.make(found.report, writing.of(books.config))
    cli_paper.show(paper, form, to, columns)


@shift_app.command("list")
def list_(ctx: typer.Context) -> None:
    """The newest shifts."""
    books = Books(ctx.obj)
    table = Table("shift", "desk", "cashier", "opened", "closed", "counted", "over or short")
    with books.db.read() as conn:
        for found in shifts.page(conn, 30):
            table.add_row(
                str(found.id),
                found.register,
                found.cashier,
                time_text(found.opened_at),
                "open" if found.closed_at is None else time_text(found.closed_at),
                "" if found.counted_u is None else format_u(found.counted_u),
                "" if found.over_u is None else format_u(found.over_u),
            )
    out.print(table)


@shift_app.command("cash")
def cash(
    ctx: typer.Context,
    way: Annotated[str, typer.Argument(help="bring or take", metavar="bring|take")],
    amount: Amount,
    reason: Annotated[str, typer.Option(help="Why.")],
    key: ActKey = None,
) -> None:
    """Bring cash from the safe into your drawer, or take it there."""
    if way not in ("bring", "take"):
        raise StationError(f"Cash is brought or taken, not {way!r}.")
    books = Books(ctx.obj)
    mine, into_u = _mine(books), parse_amount_u(amount) * (1 if way == "bring" else -1)
    with books.db.write() as conn:
        at = books.clock.now_s()
        key = key or vending.new_key()
        shifts.move_cash(conn, mine.id, into_u, reason, key, operator(), at)
        expected_u = shifts.expected_u(conn, mine.id)
    say(f"The drawer holds {format_u(expected_u)}.")


@shift_app.command("void")
def void(
    ctx: typer.Context, key: Annotated[str, typer.Argument(help="Of the last sale.")]
) -> None:
    """Take the last sale of your shift back, if its order was not sent yet."""
    books = Books(ctx.obj)
    mine = _mine(books)
    with books.db.write() as conn:
        sale = voids.void_last(conn, mine.id, key, operator(), books.clock.now_s())
    say(f"Sale {key} is void; {format_u(sale.quote.paid_u)} is given back.")


@shift_app.command("pay-out")
def pay_out(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    amount: Amount,
    purchase: Annotated[str | None, typer.Option(help="The key of the sale it is of.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    key: ActKey = None,
    form: cli_paper.Form = "text",
    to: cli_paper.To = None,
    columns: cli_paper.Columns = 48,
) -> None:
    """Pay out in cash what is due back to a channel's customer, from your drawer."""
    books, by = Books(ctx.obj), operator()
    mine, now_s = _mine(books), books.clock.now_s()
    args = {
        "meter": meter,
        "ch": channel,
        "amount_u": parse_amount_u(amount),
        "key": key or vending.new_key(),
        "reason": reason,
        "shift_id": mine.id,
        "purchase": purchase,
    }
    with books.db.write() as conn:
        done = two_person.pay_out(conn, args, by, now_s)
        if done.approval_id is not None:
            say_it_waits(done.approval_id)
            return
        found = payouts_.by_key(conn, args["key"])
        if found is None:
            raise NotFound(f"There is no payout {args['key']!r}.")
        how = writing.of(books.config)
        paper = receipts.print_(conn, found.register, found.receipt_no, form, by, now_s, how)
    cli_paper.show(paper, form, to, columns)

"""`umeter-station debit`, `account`, `held` and the other commands about a channel's account."""

from typing import Annotated

import typer

from umeter_station import account_orders, account_tables, ledger, vending
from umeter_station.account_orders import Order
from umeter_station.amounts import parse_amount_u
from umeter_station.cli_wait import Channel, NoWait, wait
from umeter_station.errors import StationError
from umeter_station.orders import Command
from umeter_station.station import Books
from umeter_station.terminal import Amount, MeterName, err, out, say

OrderKey = Annotated[
    str | None,
    typer.Option(help="Names this order; the same key again is the same order, not another."),
]
PurchaseKey = Annotated[str, typer.Argument(help="The key of the sale.", metavar="KEY")]


def add_to(app: typer.Typer) -> None:
    commands = (debit, emergency, user, release, debt, account, status)
    for command in (*commands, held, resend, refund):
        app.command()(command)


def _said_key(key: str | None) -> str:
    if key is None:
        key = vending.new_key()
        # Said before the order: whoever is cut off now can ask again without doing it twice.
        err.print(f"Order key {key}", style="dim", highlight=False)
    return key


def _once(ctx: typer.Context, meter: str, order: Order, key: str | None, no_wait: bool) -> None:
    """Give an order that must not be carried out twice."""
    books = Books(ctx.obj)
    given = books.order(meter, order, _said_key(key))
    if given.repeated:
        say(f"This is the order given before with key {given.key}.")
    wait(books, given.command_id, no_wait)


def _order(ctx: typer.Context, meter: str, order: Order, no_wait: bool) -> Command:
    """Give an order that does the same when it is given twice."""
    books = Books(ctx.obj)
    return wait(books, books.order(meter, order).command_id, no_wait)


def debit(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    amount: Amount,
    key: OrderKey = None,
    account: Annotated[
        int | None, typer.Option(help="Only if the channel still has this account.")
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Take credit back, as much as is left of an amount; it is due back to the customer."""
    order = account_orders.debit(channel, parse_amount_u(amount), account)
    _once(ctx, meter, order, key, no_wait)


def emergency(
    ctx: typer.Context, meter: MeterName, channel: Channel, no_wait: NoWait = False
) -> None:
    """Use the emergency credit that the meter offers."""
    _order(ctx, meter, account_orders.emergency(channel), no_wait)


def restore(
    ctx: typer.Context, meter: MeterName, channel: Channel, no_wait: NoWait = False
) -> None:
    """Restore a supply that waits for the consumer's hand."""
    _order(ctx, meter, account_orders.restore(channel), no_wait)


def user(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    state: Annotated[str, typer.Argument(help="open or close", metavar="open|close")],
    no_wait: NoWait = False,
) -> None:
    """The consumer's own switch: open it, or close it."""
    _order(ctx, meter, account_orders.user(channel, state), no_wait)


def release(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    claim: Annotated[str, typer.Argument(help="what locks it", metavar="overload|tamper")],
    no_wait: NoWait = False,
) -> None:
    """End a lock that only the operator may end."""
    _order(ctx, meter, account_orders.release(channel, claim), no_wait)


def debt(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    number: Annotated[
        int, typer.Argument(help="1, 2: taken with time; 3: from each purchase", metavar="1|2|3")
    ],
    change: Annotated[str, typer.Argument(help="add or forgive", metavar="add|forgive")],
    amount: Amount,
    key: OrderKey = None,
    no_wait: NoWait = False,
) -> None:
    """Add to a debt of the account, or forgive of it."""
    if change not in ("add", "forgive"):
        raise StationError(f"A debt can be added to or forgiven, not {change!r}.")
    add_u = parse_amount_u(amount) * (1 if change == "add" else -1)
    _once(ctx, meter, account_orders.debt(channel, number, add_u), key, no_wait)


def account(
    ctx: typer.Context,
    meter: MeterName,
    channel: Channel,
    action: Annotated[str, typer.Argument(metavar="|".join(account_orders.ACTIONS))],
    account: Annotated[int | None, typer.Option(help="The number of a new account.")] = None,
    lend: Annotated[
        str | None, typer.Option(help="Credit to lend to an account that becomes prepaid.")
    ] = None,
    key: OrderKey = None,
    no_wait: NoWait = False,
) -> None:
    """Open a tenant's account, close it, reset it, or change how it pays."""
    lend_u = None if lend is None else parse_amount_u(lend)
    order = account_orders.account(channel, action, account, lend_u)
    _once(ctx, meter, order, key, no_wait)


def status(
    ctx: typer.Context, meter: MeterName, channel: Channel, no_wait: NoWait = False
) -> None:
    """All that the meter knows of a channel's account."""
    command = _order(ctx, meter, account_orders.status(channel), no_wait)
    if isinstance((command.result or {}).get("account"), dict):
        out.print(account_tables.account_table(command))


def held(ctx: typer.Context) -> None:
    """Purchases that a meter would not take: send them again, or refund them."""
    books = Books(ctx.obj)
    found = books.held()
    if found:
        out.print(account_tables.held_table(found))
    else:
        say("No purchase is held.")


def resend(
    ctx: typer.Context,
    purchase: PurchaseKey,
    key: OrderKey = None,
    no_wait: NoWait = False,
) -> None:
    """Send a held purchase to its meter again."""
    books = Books(ctx.obj)
    given = books.resend(purchase, _said_key(key))
    if given.repeated:
        say(f"Nothing more is sent for purchase {purchase}; this is what became of it.")
    wait(books, given.command_id, no_wait)


def refund(ctx: typer.Context, purchase: PurchaseKey) -> None:
    """Give up sending a held purchase; its money is due back to the customer."""
    books = Books(ctx.obj)
    already = "" if books.refund(purchase) else " already"
    sale = books.sale(purchase)
    with books.db.read() as conn:
        in_wallet = ledger.is_back_in_wallet(conn, sale.purchase.command_id)
    where = "back in the wallet" if in_wallet else "due back to the customer"
    say(f"{sale.quote.paid_text()} of purchase {purchase} is {where}{already}.")

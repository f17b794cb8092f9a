"""`umeter-station pay`, `bank` and `phone`: payments by providers, bank files, PINs."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from umeter_station import cli_suspense, vending, words
from umeter_station.amounts import format_u, parse_amount_u
from umeter_station.cli_tenants import TenantId
from umeter_station.errors import StationError
from umeter_station.pay import (
    bank_import,
    bank_profile,
    conflicts,
    payments,
    pins,
    polling,
    providers,
    references,
    refunds,
    webhooks,
)
from umeter_station.pay.sandbox import OUTCOMES, Sandbox
from umeter_station.station import Books
from umeter_station.terminal import Amount, err, operator, out, say

pay_app = typer.Typer(no_args_is_help=True, help="Payments through providers.")
bank_app = typer.Typer(no_args_is_help=True, help="Bank files and what payers write on them.")
phone_app = typer.Typer(no_args_is_help=True, help="Buying by telephone: PINs.")

PaymentId = Annotated[int, typer.Argument(help="The payment's number.", metavar="PAYMENT")]
Limit = Annotated[int, typer.Option(help="How many.", min=1, max=10_000)]


def add_to(app: typer.Typer) -> None:
    app.add_typer(pay_app, name="pay")
    app.add_typer(bank_app, name="bank")
    app.add_typer(phone_app, name="phone")
    app.add_typer(cli_suspense.suspense_app, name="suspense")


@pay_app.command("list")
def pay_list(
    ctx: typer.Context,
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    limit: Limit = 200,
) -> None:
    """Payments, the oldest first."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = payments.page(conn, limit, state=state)
    table = Table("no.", "since", "by", "amount", "for", "state", "became", "payer")
    for each in found:
        target = (
            f"{each.meter}/{each.ch}" if each.purpose == "sale" else f"wallet {each.tenant_id}"
        )
        amount = f"{format_u(each.amount_u)} {each.currency}"
        row = (str(each.id), words.time_text(each.since), each.provider, amount, target)
        table.add_row(*row, each.state, each.outcome, each.payer)
    out.print(table)


@pay_app.command("conflicts")
def pay_conflicts(ctx: typer.Context, limit: Limit = 50) -> None:
    """Where a provider's word does not fit the books, the newest first."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = conflicts.page(conn, limit)
    table = Table("at", "provider", "what", "payment", "reference", "amount", "expected")
    for each in found:
        told, wanted = each.detail.get("amount_u"), each.detail.get("expected_u")
        table.add_row(
            words.time_text(each.at),
            each.provider,
            each.what,
            str(each.payment_id or ""),
            each.detail.get("reference", ""),
            "" if told is None else f"{format_u(told)} {each.detail.get('currency', '')}",
            "" if wanted is None else format_u(wanted),
        )
    out.print(table)


@pay_app.command("poll")
def pay_poll(ctx: typer.Context) -> None:
    """Ask every provider now about what no webhook has told."""
    books = Books(ctx.obj)
    for provider in providers.of(books.config, books.db, books.clock).values():
        decided = polling.poll(books.db, books.clock, provider)
        say(f"{provider.name}: {decided} payments decided.")


@pay_app.command("refund")
def pay_refund(
    ctx: typer.Context,
    payment: PaymentId,
    amount: Amount,
    key: Annotated[
        str | None, typer.Option(help="Names this refund; the same key again is the same one.")
    ] = None,
) -> None:
    """Send what is due back to the payer by the way it came."""
    amount_u = parse_amount_u(amount)
    books = Books(ctx.obj)
    if key is None:
        key = vending.new_key()
        # Said before: whoever is cut off now can ask again without paying twice.
        err.print(f"Refund key {key}", style="dim", highlight=False)
    with books.db.read() as conn:
        name = payments.get(conn, payment).provider
    provider = providers.get(books.config, books.db, books.clock, name)
    done = refunds.refund(books.db, books.clock, provider, payment, amount_u, key, operator())
    if done.state == "failed":
        raise StationError(f"{provider.name} refuses the refund; pay it out another way.")
    said = "is refunded" if done.state == "done" else "is on its way back"
    say(f"{format_u(amount_u)} of payment {payment} {said}.", "green")


@pay_app.command("sandbox")
def pay_sandbox(
    ctx: typer.Context,
    payment: PaymentId,
    outcome: Annotated[str, typer.Argument(metavar="|".join(OUTCOMES))],
    lose: Annotated[bool, typer.Option("--lose", help="Its webhook gets lost.")] = False,
) -> None:
    """Play the payer of a payment through the sandbox."""
    books = Books(ctx.obj)
    sandbox = providers.get(books.config, books.db, books.clock, Sandbox.name)
    with books.db.read() as conn:
        found = payments.get(conn, payment)
    if found.provider != sandbox.name or not isinstance(sandbox, Sandbox):
        raise StationError(f"Payment {payment} is not one of the sandbox.")
    told = sandbox.finish(found.reference or "", outcome)
    if not lose:
        webhooks.receive(books.db, books.clock, sandbox, told.body, told.headers)
    with books.db.read() as conn:
        found = payments.get(conn, payment)
    say(f"Payment {payment} is {found.state}{found.outcome and f': {found.outcome}'}.")


@bank_app.command("import")
def bank_import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or CAMT.053.", metavar="FILE")],
    bank: Annotated[str, typer.Option(help="The bank: its profile is banks/BANK.toml.")],
) -> None:
    """Book a bank's file: each line once, whatever files it is in."""
    books = Books(ctx.obj)
    profile = bank_profile.load(books.config.home, bank)
    bar = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *bar, console=err, transient=True) as shown:
        task = shown.add_task("Reading ...", total=None)

        def progress(done: int, total: int) -> None:
            shown.update(task, description="Booking ...", completed=done, total=total)

        try:
            with file.open("rb") as opened:
                done = bank_import.import_file(
                    books.db, books.clock, opened, file.name, profile, operator(), progress
                )
        except OSError as error:
            raise StationError(f"{file} cannot be read ({error.strerror}).") from None
    counts = ", ".join(f"{count} {what}" for what, count in sorted(done.counts.items()))
    if done.before:
        say(f"{file.name} was imported before ({counts or 'nothing in it'}); nothing was done.")
    else:
        say(f"{file.name}: {counts or 'nothing in it'}.", "green")
    if done.counts.get("suspense") and not done.before:
        say("Find out whose the others are with `umeter-station suspense list`.")


@bank_app.command("reference")
def bank_reference(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(help="METER/CHANNEL, or a tenant's number.")],
) -> None:
    """What to write on a bank transfer for a channel, or into a tenant's wallet."""
    books = Books(ctx.obj)
    meter, slash, ch = target.rpartition("/")
    number = ch if slash else target
    if not (number.isascii() and number.isdigit()):
        raise StationError(f"{target!r} is no channel; write METER/CHANNEL, or a tenant's number.")
    with books.db.write() as conn:
        if slash:
            found = references.of_channel(conn, meter, int(ch), books.clock.now_s())
        else:
            found = references.of_tenant(conn, int(target), books.clock.now_s())
    say(references.spaced(found))


@phone_app.command("pin")
def phone_pin(ctx: typer.Context, tenant: TenantId) -> None:
    """Set a tenant's PIN; it is asked for, or read from the input. It unlocks, too."""
    books = Books(ctx.obj)
    if sys.stdin.isatty():
        pin = getpass.getpass(f"PIN of tenant {tenant}: ")
        if getpass.getpass("Once more: ") != pin:
            raise StationError("Those two were not the same; try again.")
    else:
        pin = sys.stdin.readline().rstrip("\r\n")
    pin_hash = pins.hashed(pin)
    with books.db.write() as conn:
        pins.store(conn, tenant, pin_hash, operator(), books.clock.now_s())
    say(f"Tenant {tenant} can buy by telephone.")


@phone_app.command("unlock")
def phone_unlock(ctx: typer.Context, tenant: TenantId) -> None:
    """Let a tenant try again whose PIN was locked."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        pins.unlock(conn, tenant, operator(), books.clock.now_s())
    say(f"Tenant {tenant} may try again.")


@phone_app.command("locked")
def phone_locked(ctx: typer.Context) -> None:
    """Whose PIN is locked, and until when."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = pins.locked(conn, books.clock.now_s())
    table = Table("tenant", "until")
    for tenant_id, until in found.items():
        shown = "unlocked by an operator" if until == pins.FOR_GOOD else words.time_text(until)
        table.add_row(str(tenant_id), shown)
    out.print(table)

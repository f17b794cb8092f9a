"""`umeter-station tenants`, `sites` and `acts`: who lives where, and who did what."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from umeter_station import vending, words
from umeter_station.amounts import format_u, parse_amount_u
from umeter_station.cli_wait import Channel
from umeter_station.desk import two_person
from umeter_station.errors import StationError
from umeter_station.pay import references, wallets
from umeter_station.people import acts, privacy, sites, tenants
from umeter_station.station import Books
from umeter_station.terminal import ActKey, Amount, MeterName, operator, out, say, say_it_waits

tenants_app = typer.Typer(no_args_is_help=True, help="Who has which channel, and since when.")
sites_app = typer.Typer(no_args_is_help=True, help="The houses that meters hang in.")
acts_app = typer.Typer(no_args_is_help=True, help="Who did what; nothing of it can be changed.")

TenantId = Annotated[int, typer.Argument(help="The tenant's number.", metavar="TENANT")]
SiteName = Annotated[str, typer.Argument(help="The site's name.", metavar="SITE")]
When = Annotated[str | None, typer.Option("--at", help="As 2026-11-28T12:00, UTC [now].")]
_MOST = 10_000


def _time_s(text: str | None, now_s: int) -> int:
    if text is None:
        return now_s
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise StationError(f"{text!r} is no time; write it as 2026-11-28T12:00.") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


@tenants_app.command("add")
def tenants_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What they are called.")],
    email: Annotated[str, typer.Option()] = "",
    phone: Annotated[str, typer.Option()] = "",
    language: Annotated[str, typer.Option()] = "en",
) -> None:
    """Add a tenant; `people add --role tenant` lets them sign in."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        tenant_id = tenants.add(conn, name, operator(), now_s, email, phone, language)
    say(f"{name} is tenant {tenant_id}.")


@tenants_app.command("list")
def tenants_list(ctx: typer.Context) -> None:
    """All tenants, and their channels of now."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    table = Table("tenant", "name", "email", "phone", "channels")
    with books.db.read() as conn:
        for tenant in tenants.page(conn, _MOST):
            held = sorted(tenants.channels_of(conn, tenant.id, now_s))
            name = "forgotten" if tenant.forgotten_at is not None else tenant.name
            channels = " ".join(f"{meter}/{ch}" for meter, ch in held)
            table.add_row(str(tenant.id), name, tenant.email, tenant.phone, channels or "-")
    out.print(table)


@tenants_app.command("move-in")
def tenants_move_in(
    ctx: typer.Context, tenant: TenantId, meter: MeterName, channel: Channel, at: When = None
) -> None:
    """A channel is a tenant's from now on, or from another time on."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    with books.db.write() as conn:
        tenants.move_in(conn, tenant, meter, channel, _time_s(at, now_s), operator(), now_s)
    say(f"Channel {channel} of {meter} is tenant {tenant}'s.")


@tenants_app.command("move-out")
def tenants_move_out(
    ctx: typer.Context, meter: MeterName, channel: Channel, at: When = None
) -> None:
    """Whoever has the channel has it no more."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    with books.db.write() as conn:
        ended = tenants.move_out(conn, meter, channel, _time_s(at, now_s), operator(), now_s)
    say(f"Channel {channel} of {meter} is tenant {ended.tenant_id}'s no more.")


@tenants_app.command("wallet")
def tenants_wallet(ctx: typer.Context, tenant: TenantId) -> None:
    """What a wallet holds, and what to write on a transfer into it."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        reference = references.of_tenant(conn, tenant, books.clock.now_s())
        held_u = wallets.balance_u(conn, tenant)
    say(
        f"The wallet of tenant {tenant} holds {format_u(held_u)}; transfers into it bear"
        f" {references.spaced(reference)}."
    )


@tenants_app.command("pay-out")
def tenants_pay_out(
    ctx: typer.Context,
    tenant: TenantId,
    amount: Amount,
    bank: Annotated[str, typer.Option(help="The name of the bank account it went from.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    key: ActKey = None,
) -> None:
    """Note what the bank has sent back to a tenant out of their wallet."""
    books = Books(ctx.obj)
    args = {
        "tenant_id": tenant,
        "amount_u": parse_amount_u(amount),
        "bank": bank,
        "reason": reason,
        "key": key or vending.new_key(),
    }
    with books.db.write() as conn:
        done = two_person.pay_out_wallet(conn, args, operator(), books.clock.now_s())
        held_u = wallets.balance_u(conn, tenant)
    if done.approval_id is None:
        say(f"Paid out; the wallet of tenant {tenant} holds {format_u(held_u)}.")
    else:
        say_it_waits(done.approval_id)


@tenants_app.command("forget")
def tenants_forget(
    ctx: typer.Context,
    tenant: TenantId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget who somebody was, for good; the books stay."""
    if not yes and not typer.confirm(f"Forget tenant {tenant} for good?", err=True):
        raise StationError(f"Tenant {tenant} stays.")
    books = Books(ctx.obj)
    with books.db.write() as conn:
        done = privacy.forget(conn, tenant, operator(), books.clock.now_s())
    say(f"Tenant {tenant} is forgotten." if done else f"Tenant {tenant} was forgotten before.")


@sites_app.command("add")
def sites_add(
    ctx: typer.Context, name: SiteName, address: Annotated[str, typer.Option()] = ""
) -> None:
    """Add a site."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        site = sites.add(conn, name, address, operator(), books.clock.now_s())
    say(f"{site.name} is site {site.id}.")


@sites_app.command("list")
def sites_list(ctx: typer.Context) -> None:
    """All sites, and their meters."""
    books = Books(ctx.obj)
    table = Table("site", "address", "meters")
    with books.db.read() as conn:
        for site in sites.page(conn, _MOST):
            table.add_row(site.name, site.address, " ".join(sites.meters_of(conn, site.id)))
    out.print(table)


@sites_app.command("put")
def sites_put(ctx: typer.Context, name: SiteName, meter: MeterName) -> None:
    """A meter hangs there from now on."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        site = sites.named(conn, name)
        sites.put_meter(conn, site.id, meter, operator(), books.clock.now_s())
    say(f"Meter {meter} hangs at {site.name}.")


@sites_app.command("take")
def sites_take(ctx: typer.Context, meter: MeterName) -> None:
    """A meter belongs to no site any more."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        sites.take_meter(conn, meter, operator(), books.clock.now_s())
    say(f"Meter {meter} belongs to no site.")


@acts_app.command("list")
def acts_list(
    ctx: typer.Context,
    by: Annotated[str | None, typer.Option(help="As operator:anna.")] = None,
    about: Annotated[str | None, typer.Option(help="As tenant:7.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=_MOST)] = 20,
) -> None:
    """The newest acts, oldest of them first."""
    books = Books(ctx.obj)
    table = Table("n", "when", "by", "act", "about", "detail")
    with books.db.read() as conn:
        for act in reversed(acts.newest(conn, limit, by=by, about=about)):
            detail = json.dumps(act.detail, ensure_ascii=False)
            row = (str(act.n), words.time_text(act.at), act.by, act.act, act.about, detail)
            table.add_row(*(text.replace("[", "\\[") for text in row))
    out.print(table)


@acts_app.command("verify")
def acts_verify(
    ctx: typer.Context,
    head: Annotated[str, typer.Option(help="What an earlier walk ended with.")] = "",
) -> None:
    """Check the chain of hashes; note its head elsewhere, and name it next time."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        verdict = acts.verify(conn, head)
    if not verdict.is_sound:
        raise StationError(f"Act {verdict.broken_n} is not sound: {verdict.reason}.")
    say(f"{verdict.count} acts are one unbroken chain; its head is {verdict.head}.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(tenants_app, name="tenants")
    app.add_typer(sites_app, name="sites")
    app.add_typer(acts_app, name="acts")

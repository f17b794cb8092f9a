"""`umeter-station people` and `keys`: who may sign in, and which machines may ask."""

import getpass
import sys
from typing import Annotated

import typer
from rich.table import Table

from umeter_station import words
from umeter_station.errors import StationError
from umeter_station.people import accounts, keys, passwords, roles, totp
from umeter_station.station import Books
from umeter_station.terminal import err, operator, out, say

people_app = typer.Typer(no_args_is_help=True, help="Who may sign in at the web server.")
keys_app = typer.Typer(no_args_is_help=True, help="The API keys of machines.")

PersonName = Annotated[str, typer.Argument(help="The name they sign in with.", metavar="NAME")]
KeyName = Annotated[str, typer.Argument(help="What the key is for, as desk1.", metavar="NAME")]
_DAY_S = 86_400
_MOST = 10_000


def ask_password(name: str) -> str:
    """Twice at a terminal, else one line of the input; returns its hash."""
    if not sys.stdin.isatty():
        return passwords.hashed(sys.stdin.readline().rstrip("\r\n"), name)
    password = getpass.getpass(f"Password of {name}: ")
    if getpass.getpass("Once more: ") != password:
        raise StationError("Those two were not the same; try again.")
    return passwords.hashed(password, name)


@people_app.command("add")
def people_add(
    ctx: typer.Context,
    name: PersonName,
    role: Annotated[str, typer.Option(help=", ".join(roles.ROLES))],
    tenant: Annotated[int | None, typer.Option(help="The tenant's number, for a tenant.")] = None,
) -> None:
    """Let somebody sign in; the password is asked for, or read from the input."""
    books = Books(ctx.obj)
    password_hash = ask_password(name)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        person = accounts.add(conn, name, role, password_hash, operator(), now_s, tenant)
    say(f"{person.name} may sign in as {person.role}.")


@people_app.command("list")
def people_list(ctx: typer.Context) -> None:
    """All of them."""
    books = Books(ctx.obj)
    table = Table("name", "role", "tenant", "codes", "password of", "state")
    with books.db.read() as conn:
        for person in accounts.page(conn, _MOST):
            table.add_row(
                person.name,
                person.role,
                str(person.tenant_id or "-"),
                "yes" if person.has_totp else "no",
                words.time_text(person.password_at),
                "may sign in" if person.disabled_at is None else "shut out",
            )
    out.print(table)


@people_app.command("password")
def people_password(ctx: typer.Context, name: PersonName) -> None:
    """Give somebody another password; they are signed out everywhere."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        person = accounts.named(conn, name)
    password_hash = ask_password(person.name)
    with books.db.write() as conn:
        accounts.set_password(conn, person.id, password_hash, operator(), books.clock.now_s())
    say(f"{person.name} has another password, and is signed out everywhere.")


@people_app.command("role")
def people_role(
    ctx: typer.Context,
    name: PersonName,
    role: Annotated[str, typer.Argument(help="owner, operator, cashier or auditor")],
) -> None:
    """Give somebody another role."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        person = accounts.named(conn, name)
        accounts.set_role(conn, person.id, role, operator(), books.clock.now_s())
    say(f"{person.name} is {role}.")


@people_app.command("totp")
def people_totp(
    ctx: typer.Context,
    name: PersonName,
    remove: Annotated[bool, typer.Option("--remove", help="For a lost device.")] = False,
) -> None:
    """Set up one-time codes for somebody who is here, or remove them."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    if remove:
        with books.db.write() as conn:
            person = accounts.named(conn, name)
            removed = totp.remove(conn, person.id, operator(), now_s)
        say(f"{person.name} needs no codes any more." if removed else "There were none.")
        return
    with books.db.write() as conn:
        person = accounts.named(conn, name)
        enrolment = totp.enrol(conn, person.id, operator(), now_s)
    say("Have the device take this in, then type the code that it shows:")
    say(enrolment.uri)
    code = typer.prompt("Code", err=True)
    with books.db.write() as conn:
        codes = totp.confirm(conn, person.id, code, operator(), books.clock.now_s())
    say("Recovery codes, each good for one sign-in without the device; keep them:")
    for recovery in codes:
        say(f"  {recovery}")


@people_app.command("disable")
def people_disable(ctx: typer.Context, name: PersonName) -> None:
    """Shut somebody out, at once."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        person = accounts.named(conn, name)
        done = accounts.disable(conn, person.id, operator(), books.clock.now_s())
    say(f"{person.name} is shut out." if done else f"{person.name} was shut out already.")


@people_app.command("enable")
def people_enable(ctx: typer.Context, name: PersonName) -> None:
    """Let somebody in again."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        person = accounts.named(conn, name)
        accounts.enable(conn, person.id, operator(), books.clock.now_s())
    say(f"{person.name} may sign in.")


@keys_app.command("add")
def keys_add(
    ctx: typer.Context,
    name: KeyName,
    scope: Annotated[list[str], typer.Option(help="As readings:read; can be given often.")],
    days: Annotated[int | None, typer.Option(help="How long it is good.", min=1)] = None,
) -> None:
    """Make an API key, and show it once."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    expires_at = None if days is None else now_s + days * _DAY_S
    with books.db.write() as conn:
        _, secret = keys.add(conn, name, frozenset(scope), operator(), now_s, expires_at)
    err.print("This is the key; it is shown now and never again:", style="dim")
    say(secret)


@keys_app.command("list")
def keys_list(ctx: typer.Context) -> None:
    """All keys, without what makes them keys."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    table = Table("name", "begins", "scopes", "made by", "last used", "state")
    with books.db.read() as conn:
        for key in keys.page(conn, _MOST):
            if key.revoked_at is not None:
                state = "revoked"
            elif key.expires_at is None:
                state = "good"
            else:
                state = "expired" if key.expires_at <= now_s else "good until "
                state += words.time_text(key.expires_at) if state.endswith(" ") else ""
            used = words.time_text(key.last_used_at) if key.last_used_at else "never"
            scopes = " ".join(sorted(key.scopes))
            table.add_row(key.name, f"umk_{key.public_id}", scopes, key.created_by, used, state)
    out.print(table)


@keys_app.command("revoke")
def keys_revoke(ctx: typer.Context, name: KeyName) -> None:
    """Have a key be good for nothing, at once."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        key = keys.by_name(conn, name)
        done = keys.revoke(conn, key.id, operator(), books.clock.now_s())
    say(f"Key {name} is revoked." if done else f"Key {name} was revoked already.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(people_app, name="people")
    app.add_typer(keys_app, name="keys")

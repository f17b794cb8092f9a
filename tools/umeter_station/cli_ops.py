"""The commands that make the station, run it, save it and bring it back."""

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from umeter_station import broker_url, cli_account, config, config_keys, db_engines
from umeter_station.amounts import format_u
from umeter_station.cli_wait import NoWait
from umeter_station.errors import StationError
from umeter_station.ops import health
from umeter_station.station import Books
from umeter_station.terminal import err, out, say


def add_to(app: typer.Typer) -> None:
    for command in (init, run, backup, restore, upgrade, health_):
        app.command(command.__name__.rstrip("_"))(command)
    app.command("config")(config_)
    app.command("service-files")(service_files)


def init(
    ctx: typer.Context,
    broker: Annotated[str, typer.Option(help="mqtt:// or mqtts:// URL of the broker.")] = (
        "mqtt://127.0.0.1:1883"
    ),
    clock: Annotated[str, typer.Option(help='"system" or a simulator\'s clock file.')] = "system",
) -> None:
    """Make the station's directory, settings and database."""
    database = os.environ.get(config.DATABASE_VARIABLE, config.DEFAULT_DATABASE)
    database = db_engines.without_password(database)
    made = config.create_home(ctx.obj, broker, clock, database)
    Books(made.home).close()
    say(f"The station is in {made.home}; its settings are in {made.home / 'config.toml'}.")
    if made.key_file.exists():
        say(
            f"Keep a copy of {made.key_file} in another place than the database's: no meter obeys"
            " a station without it."
        )


def config_(ctx: typer.Context) -> None:
    """All settings of the station itself: what they are now, what they may be, and how to set
    them."""
    from rich import box
    from rich.table import Table

    known = config.load(ctx.obj)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("key", no_wrap=True)
    table.add_column("now", overflow="fold", max_width=24)
    table.add_column("what it is, may be, and is else", overflow="fold")
    for name, key in config_keys.all_keys().items():
        section = getattr(known, key.section) if key.section else known
        now = getattr(section, key.field, None)
        table.add_row(name, _shown(key, now), _described(key))
    out.print(table)
    port = config_keys.all_keys()["web.port"].variable
    say(
        f"web.port is port in [web] of config.toml, or {port} in the environment, which wins. A"
        " secret may also stand in a file of its own that <key>_file names."
    )


def _described(key: config_keys.Key) -> str:
    facts = [" ".join((_type(key), key.about.unit)).strip()]
    default = _shown(key, key.default)
    if default:
        facts.append(f"else {default}")
    return f"{key.about.words} ({', '.join(facts)})"


def _type(key: config_keys.Key) -> str:
    about = key.about
    if about.choices:
        return " | ".join(about.choices)
    least, most = ("" if each is None else str(each) for each in (about.least, about.most))
    return f"{key.kind} {least}..{most}" if least or most else key.kind


def _shown(key: config_keys.Key, value: object) -> str:
    if key.kind == "secret":
        return "" if value is None else "(set)"
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple) and key.kind == "texts":
        return ", ".join(value)
    return broker_url.without_password(str(value))


def run(
    ctx: typer.Context,
    roles: Annotated[
        list[str] | None,
        typer.Argument(help="ingest, web, jobs; all if none is named.", metavar="[ROLE]..."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that take in what meters report.", min=1, max=64)
    ] = None,
    broker: Annotated[str | None, typer.Option(help="Another broker than config.toml's.")] = None,
    embedded_broker: Annotated[
        bool, typer.Option("--embedded-broker", help="Run a broker in this process, too.")
    ] = False,
    port: Annotated[int, typer.Option(help="The embedded broker's port.")] = 1883,
) -> None:
    """Run the station, or some of its roles, until stopped by Ctrl-C or SIGTERM."""
    chosen = _roles(roles)
    own = None
    if embedded_broker:
        from umeter_station.broker import EmbeddedBroker

        _takes_embedded(config.load(ctx.obj).ingest.workers if workers is None else workers)
        own = EmbeddedBroker(port)
        own.start()
        broker = own.url
    try:
        with _broker_is(broker):
            code = _run(ctx.obj, chosen, workers)
    finally:
        if own is not None:
            own.stop()
    if code:
        raise typer.Exit(code)


def _takes_embedded(workers: int) -> None:
    if workers > 1:
        raise StationError(
            f"The embedded broker knows no shared subscriptions, and so cannot serve {workers}"
            " workers; name --workers 1, or another broker."
        )


@contextlib.contextmanager
def _broker_is(url: str | None) -> Iterator[None]:
    """In the environment: the processes that are started have it, too, and no list of processes
    shows its password."""
    variable = config_keys.PREFIX + "BROKER"
    before = os.environ.get(variable)
    if url is not None:
        os.environ[variable] = url
    try:
        yield
    finally:
        os.environ.pop(variable, None)
        if before is not None:
            os.environ[variable] = before


def _run(home: Path, roles: tuple[str, ...], workers: int | None) -> int:
    from umeter_station.ops import child, log, supervise

    known = config.load(home)
    broker_url.parse(known.broker)  # said once, and not by each process
    count = workers or known.ingest.workers
    processes = [(r, n) for r in roles for n in range(count if r == "ingest" else 1)]
    if len(processes) == 1:
        return child.serve(home, *processes[0], say=lambda told: say(f"Ready: {told}."))
    log.set_up(known, role="supervisor")
    # The schema is brought up to date once, before the processes open it.
    Books(home).close()
    return supervise.Supervisor(home, processes, say).run()


def _roles(named: list[str] | None) -> tuple[str, ...]:
    unknown = [role for role in named or () if role not in health.ROLES]
    if unknown:
        raise StationError(
            f"There is no role {unknown[0]!r}; the roles are {', '.join(health.ROLES)}."
        )
    return tuple(role for role in health.ROLES if role in (named or health.ROLES))


def backup(
    ctx: typer.Context,
    to: Annotated[
        Path | None,
        typer.Option(help="The folder for it [backup.folder, else backups in the home]."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option(help="Remove all but so many of the newest there.", min=1)
    ] = None,
) -> None:
    """Save the database and the settings, while the station runs."""
    from umeter_station.ops import backup as backups

    books = Books(ctx.obj)
    folder = to or books.config.backup.folder or books.config.home / "backups"
    made = backups.make(books.config, books.db, folder, books.clock.now_s())
    facts = made.manifest.facts
    say(
        f"The backup is {made.folder}: {facts.tables['meters']} meters,"
        f" {facts.transfers} transfers of {format_u(facts.transferred_u)}."
    )
    say("The station's key is not in it: keep that in another place.")
    if keep is not None:
        for path in backups.keep_newest(folder, keep):
            say(f"Removed {path}.")


def restore(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="A backup's folder.", metavar="BACKUP|METER")],
    channel: Annotated[
        int | None,
        typer.Argument(help="After a METER: close it, as its user may.", metavar="CHANNEL"),
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Restore a backup into an empty home (and, with `--database`, into that empty database); or,
    with a channel, a meter's supply."""
    if channel is not None:
        cli_account.restore(ctx, what, channel, no_wait)
        return
    from umeter_station.ops import restore as restoring

    database = os.environ.get(config.DATABASE_VARIABLE)
    done = restoring.restore(Path(what), ctx.obj, database)
    made = datetime.fromtimestamp(done.made_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    say(f"The station in {ctx.obj} is as it was at {made}, with {done.meters} meters.", "green")
    for line in restoring.to_do(done, ctx.obj):
        say(f"- {line}")
    _tell_wrong(done.wrong)


def _tell_wrong(wrong: tuple[str, ...]) -> None:
    for sentence in wrong:
        err.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    if wrong:
        raise StationError("The books contradict themselves there; look into it before you sell.")
    say("The books agree with themselves.")


def upgrade(
    ctx: typer.Context,
    to: Annotated[
        Path | None, typer.Option(help="Where the backup of before goes [./backups in the home].")
    ] = None,
) -> None:
    """Bring an older station's database to this version: backup, change, check."""
    from umeter_station.ops import upgrade as upgrading

    done = upgrading.upgrade(ctx.obj, to or ctx.obj / "backups")
    if done.backup is None:
        say(f"The database is up to date (schema {done.after}).")
    else:
        say(f"Schema {done.before} is {done.after} now.", "green")
        say(f"As it was before: {done.backup}.")
    _tell_wrong(done.wrong)


def health_(
    ctx: typer.Context,
    roles: Annotated[
        list[str] | None, typer.Argument(help="[all of them]", metavar="[ROLE]...")
    ] = None,
) -> None:
    """Which processes of the station are alive; exit code 1 if a role has none."""
    from umeter_station.clock import SystemClock

    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = health.readiness(conn, SystemClock().now_s(), _roles(roles))
    for each in found.processes:
        state = "alive" if each.is_alive else "gone"
        say(f"{each.role} {each.worker}: {state}, process {each.pid}, seen {each.age_s} s ago")
    if not found.ready:
        err.print(f"Not running: {', '.join(found.missing)}.", style="red", highlight=False)
        raise typer.Exit(1)


def service_files(
    ctx: typer.Context,
    to: Annotated[Path, typer.Argument(help="The folder for them.", metavar="DIR")],
    user: Annotated[str, typer.Option(help="Whom the services run as.")] = "umeter",
) -> None:
    """Write systemd units and a compose file for this station."""
    from umeter_station.ops import service_files as files

    for path in files.write(to, ctx.obj, user):
        say(str(path))

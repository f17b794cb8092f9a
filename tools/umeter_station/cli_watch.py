"""`umeter-station findings`, `rules` and `alerts`: what is wrong, by which limits, who is told."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.terminal import operator, out, say
from umeter_station.watch import alerts, catalog, findings, limits, targets, thresholds
from umeter_station.watch.wording import evidence_text, place
from umeter_station.words import age_text, time_text

findings_app = typer.Typer(no_args_is_help=True, help="What is wrong with meters and books.")
rules_app = typer.Typer(no_args_is_help=True, help="The rules that find it.")
alerts_app = typer.Typer(no_args_is_help=True, help="Who is told of findings.")

Number = Annotated[int, typer.Argument(help="The finding's number.", metavar="NUMBER")]
Text = Annotated[str, typer.Option("--note", help="What to write down.")]
Meter = Annotated[str | None, typer.Option(help="Only this meter.")]
_COLOURS = {"info": "", "warn": "yellow", "alarm": "red", "critical": "bold red"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(findings_app, name="findings")
    app.add_typer(rules_app, name="rules")
    app.add_typer(alerts_app, name="alerts")


def _table(*names: str, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in names:
        right = name in ("no", "value", "default")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


@findings_app.command("list")
def list_(
    ctx: typer.Context,
    meter: Meter = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule, as A03.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is closed, or explained by another one.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 100,
) -> None:
    """What is open, the newest first."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    with books.db.read() as conn:
        found = findings.list_(
            conn,
            state=None if everything else "current",
            explained=None if everything else False,
            rule=rule,
            meter=meter,
            limit=limit,
        )
    if not found:
        say("Nothing is wrong that this station knows of.")
        return
    table = _table("no", "severity", "what", "where", "for", "state", "evidence", title="findings")
    for each in found:
        state = each.state if each.cause_id is None else f"by finding {each.cause_id}"
        table.add_row(
            str(each.id),
            f"[{_COLOURS[each.severity]}]{each.severity}[/]"
            if _COLOURS[each.severity]
            else each.severity,
            f"{each.rule} {catalog.title(each.rule)}",
            place(each),
            age_text((each.closed_at or now_s) - each.since_s),
            state,
            evidence_text(each.evidence),
        )
    out.print(table)


@findings_app.command()
def show(ctx: typer.Context, number: Number) -> None:
    """One finding, and all that happened to it."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = findings.get(conn, number)
        history = findings.history(conn, number)
    say(f"{found.rule} {catalog.title(found.rule)}: {place(found)}, {found.severity}.")
    say(f"{found.state}, since {time_text(found.since_s)}, seen last {time_text(found.seen_at)}.")
    if found.cause_id is not None:
        say(f"It is explained by finding {found.cause_id}.")
    if found.assignee:
        say(f"{found.assignee} looks after it.")
    table = _table("time", "what", "by", "severity", "note", "evidence", title="history")
    for entry in history:
        table.add_row(
            time_text(entry.at),
            entry.what,
            entry.by,
            entry.severity,
            entry.note,
            evidence_text(entry.evidence),
        )
    out.print(table)


@findings_app.command()
def ack(
    ctx: typer.Context,
    number: Number,
    note: Text = "",
    assignee: Annotated[str, typer.Option("--to", help="Who looks after it.")] = "",
) -> None:
    """Say that somebody knows of it."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        findings.acknowledge(conn, number, operator(), books.clock.now_s(), note, assignee)
    say(f"Finding {number} is acknowledged.")


@findings_app.command()
def close(
    ctx: typer.Context,
    number: Number,
    note: Text = "",
    quiet_h: Annotated[
        int, typer.Option(help="Hours in which it is not opened again.", min=0, max=8784)
    ] = 24,
) -> None:
    """Say that it is settled; it opens again if its rule goes on seeing it."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        findings.close(conn, number, operator(), books.clock.now_s(), note, quiet_h * 3600)
    say(f"Finding {number} is closed.")


@rules_app.command("run")
def run_(ctx: typer.Context) -> None:
    """Look at all meters now; while the station runs, it does so by itself."""
    # It brings numpy: no other command waits for that to be imported.
    from umeter_station.watch import engine

    outcome = engine.run(Books(ctx.obj))
    say(
        f"{outcome.opened} opened, {outcome.closed} closed; {outcome.open} are open, of which"
        f" {outcome.explained} are explained by others."
    )


@rules_app.command("thresholds")
def thresholds_(ctx: typer.Context, meter: Meter = None) -> None:
    """All limits of the rules, and where others were set."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        loaded = thresholds.load(conn)
    table = _table("name", "default", "unit", "meaning", "set", title="thresholds")
    for name, limit in limits.TABLE.items():
        own = [
            f"{owner or 'all meters'}{f' channel {ch}' if ch else ''}: {value}"
            for owner, values in sorted(loaded.items())
            for (ch, named), value in sorted(values.items())
            if named == name and (meter is None or owner in ("", meter))
        ]
        table.add_row(name, str(limit.default), limit.unit, limit.meaning, ", ".join(own))
    out.print(table)


@rules_app.command("set")
def set_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="As `thresholds` names it.", metavar="NAME")],
    value: Annotated[str, typer.Argument(help='A number, or "default".', metavar="VALUE")],
    meter: Annotated[str, typer.Option(help="Of this meter, not of all.")] = "",
    channel: Annotated[int, typer.Option(help="Of this channel of it.", min=0)] = 0,
) -> None:
    """Set a limit, of all meters, a meter or a channel."""
    if value != "default" and not value.lstrip("-").isdigit():
        raise StationError(f'{value!r} is neither a whole number nor "default".')
    number = None if value == "default" else int(value)
    books = Books(ctx.obj)
    with books.db.write() as conn:
        thresholds.put(conn, meter, channel, name, number, operator(), books.clock.now_s())
    say(f"{name} is {'the default' if number is None else number} from now on.")


@alerts_app.command("list")
def targets_list(ctx: typer.Context) -> None:
    """Who is told of what."""
    with Books(ctx.obj).db.read() as conn:
        found = targets.all_(conn)
    table = _table("no", "name", "kind", "address", "from", "only", "quiet", title="alerts")
    for each in found:
        only = ", ".join((*each.rules, *each.sites, *each.meters))
        hours = f"{_clock(each.quiet_from)} to {_clock(each.quiet_to)} {each.tz}"
        quiet = hours if each.quiet_from != each.quiet_to else ""
        kind = each.kind if each.enabled else f"{each.kind}, off"
        table.add_row(str(each.id), each.name, kind, each.address, each.severity, only, quiet)
    out.print(table)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(text: str) -> int:
    hour, mark, minute = text.partition(":")
    if not (mark and hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
        raise StationError(f"{text!r} is no time of day; write it as 22:00.")
    return int(hour) * 60 + int(minute)


@alerts_app.command("add")
def targets_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.", metavar="NAME")],
    address: Annotated[str, typer.Argument(help="A mail address, or a URL.", metavar="ADDRESS")],
    severity: Annotated[str, typer.Option(help="info, warn, alarm or critical.")] = "alarm",
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule; repeatable.")] = None,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; repeatable.")] = None,
    meter: Annotated[list[str] | None, typer.Option(help="Only these, as m1*.")] = None,
    quiet: Annotated[str, typer.Option(help="Quiet hours, as 22:00-06:30.")] = "",
    tz: Annotated[str, typer.Option(help="Time zone of the quiet hours.")] = "UTC",
    digest: Annotated[int, typer.Option(help="One message in so many minutes.", min=0)] = 0,
) -> None:
    """Tell somebody of findings, by mail or by webhook."""
    first, _, last = quiet.partition("-")
    books = Books(ctx.obj)
    with books.db.write() as conn:
        target, secret = targets.add(
            conn,
            name,
            "webhook" if "://" in address else "email",
            address,
            operator(),
            books.clock.now_s(),
            severity=severity,
            rules=tuple(rule or ()),
            sites=tuple(site or ()),
            meters=tuple(meter or ()),
            quiet_from=_minute(first) if quiet else 0,
            quiet_to=_minute(last) if quiet else 0,
            tz=tz,
            digest_min=digest,
        )
    say(f"{target.name} is told from now on.")
    if secret:
        say(f"Its messages are signed with {secret}; this is shown only now.")


@alerts_app.command("off")
def targets_off(ctx: typer.Context, number: Number) -> None:
    """Tell this one nothing more."""
    _switch(ctx, number, False)


@alerts_app.command("on")
def targets_on(ctx: typer.Context, number: Number) -> None:
    """Tell this one again, from now on."""
    _switch(ctx, number, True)


def _switch(ctx: typer.Context, number: int, enabled: bool) -> None:
    books = Books(ctx.obj)
    with books.db.write() as conn:
        target = targets.switch(conn, number, enabled, operator(), books.clock.now_s())
    say(f"{target.name} is told {'again' if enabled else 'nothing more'}.")


@alerts_app.command("send")
def send(ctx: typer.Context) -> None:
    """Send what is due now; while the station runs, it does so by itself."""
    sent = alerts.send_due(Books(ctx.obj))
    say(f"{sent.sent} sent, {sent.failed} not.")

"""`umeter-station fleet template` and `schedule`: what is set and read again and again."""

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from umeter_station import change
from umeter_station.cli_fleet_choice import AllMeters, MeterNames, Where, selection
from umeter_station.fleet import reads, schedule_times, schedules, templates
from umeter_station.station import Books
from umeter_station.terminal import operator, out, say
from umeter_station.words import time_text

template_app = typer.Typer(no_args_is_help=True, help="Settings under a name, for `fleet set`.")
schedule_app = typer.Typer(no_args_is_help=True, help="Readings that are asked for by the clock.")
_Template = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Its name.")]
_Schedule = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its name.")]


@template_app.command("list")
def template_list(ctx: typer.Context) -> None:
    """The newest version of each."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = templates.newest(conn)
    table = Table("template", "version", "settings", "note", "made", "by", box=box.SIMPLE_HEAD)
    for one in found:
        table.add_row(
            one.name,
            str(one.version),
            Text(", ".join(one.settings)),
            Text(one.note),
            time_text(one.made_at),
            Text(one.made_by or "-"),
        )
    out.print(table)


@template_app.command("show")
def template_show(ctx: typer.Context, template: _Template) -> None:
    """The settings of a template, as flats or flats@2."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = templates.get(conn, *templates.parse_name(template))
    table = Table("setting", "value", title=str(found), title_justify="left", box=box.SIMPLE_HEAD)
    for key, value in found.settings.items():
        table.add_row(key, Text(change.shown(key, value)))
    out.print(table)


@template_app.command("add")
def template_add(
    ctx: typer.Context,
    template: _Template,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="The value as JSON; null: the default."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSON object of settings.")] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Keep settings under a name, as its next version; no meter is set by that."""
    settings = change.parse(changes or [], file)
    books = Books(ctx.obj)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        say(f"Kept as {templates.add(conn, template, settings, note, operator(), now_s)}.")


@schedule_app.command("list")
def schedule_list(ctx: typer.Context) -> None:
    """When each comes next, and how the last run went."""
    books = Books(ctx.obj)
    with books.db.read() as conn:
        found = schedules.all_schedules(conn)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("schedule", "when", "for", "next", "last", "answered", "p95", "missed", ""):
        table.add_column(name, overflow="fold")
    for one in found:
        next_text = schedule_times.due_text(one.next_at, one.tz) if one.enabled else "off"
        last = one.last
        times = reads.times(last.answers if last else ())
        table.add_row(
            Text(one.name),
            f"{one.every} {one.tz}",
            Text(one.selection),
            next_text,
            time_text(last.placed_at) if last else "-",
            f"{times.answered} of {len(last.answers)}" if last else "-",
            "-" if times.p95_s is None else f"{times.p95_s} s",
            str(one.missed),
            Text(last.sentence if last else ""),
        )
    out.print(table)


@schedule_app.command("add")
def schedule_add(
    ctx: typer.Context,
    schedule: _Schedule,
    every: Annotated[
        str, typer.Argument(help="'every 15 min', 'daily 06:00', 'weekly mon 06:00'")
    ],
    meters: MeterNames = None,
    where: Where = "",
    all_: AllMeters = False,
    tz: Annotated[str, typer.Option(help="The time zone of its clock times.")] = "UTC",
) -> None:
    """Have meters read by the clock; which they are is found out each time."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        chosen = selection(meters, where, all_)
        schedules.add(conn, schedule, chosen, every, tz, operator(), books.clock.now_s())
        made = schedules.get(conn, schedule)
    say(f"{schedule} comes first at {schedule_times.due_text(made.next_at, tz)}.")


@schedule_app.command("on")
def schedule_on(ctx: typer.Context, schedule: _Schedule) -> None:
    """Go on with it."""
    _switch(Books(ctx.obj), schedule, True)


@schedule_app.command("off")
def schedule_off(ctx: typer.Context, schedule: _Schedule) -> None:
    """Let it rest."""
    _switch(Books(ctx.obj), schedule, False)


def _switch(books: Books, schedule: str, on: bool) -> None:
    with books.db.write() as conn:
        schedules.switch(conn, schedule, on, operator(), books.clock.now_s())
    say(f"{schedule} is {'on' if on else 'off'}.")


@schedule_app.command("remove")
def schedule_remove(ctx: typer.Context, schedule: _Schedule) -> None:
    """Its readings stay."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        schedules.remove(conn, schedule, operator(), books.clock.now_s())
    say(f"{schedule} is gone.")

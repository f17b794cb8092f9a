"""`umeter-station fleet`: many meters at once. Chosen here, read here; set by cli_fleet_set."""

import time
from typing import Annotated

import typer
from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from umeter_station import cli_fleet_plans, cli_fleet_rollout, cli_fleet_set, orders
from umeter_station.cli_fleet_choice import AllMeters, MeterNames, Where, selection
from umeter_station.cli_wait import NoWait
from umeter_station.errors import StationError
from umeter_station.fleet import approving as approving
from umeter_station.fleet import names, reads, select
from umeter_station.station import Books
from umeter_station.terminal import err, operator, out, say
from umeter_station.words import age_text, time_text

_POLL_S = 0.2
_WAIT_S = orders.TTL_S["read"]

fleet_app = typer.Typer(no_args_is_help=True, help="Many meters at once.")


def add_to(app: typer.Typer) -> None:
    for command in (list_, names_, label, read, read_log):
        fleet_app.command(command.__name__.strip("_").replace("_", "-"))(command)
    fleet_app.command("set")(cli_fleet_set.set_)
    fleet_app.command("update")(cli_fleet_set.update)
    fleet_app.add_typer(cli_fleet_rollout.rollout_app, name="rollout")
    fleet_app.add_typer(cli_fleet_plans.template_app, name="template")
    fleet_app.add_typer(cli_fleet_plans.schedule_app, name="schedule")
    app.add_typer(fleet_app, name="fleet")


def list_(
    ctx: typer.Context,
    meters: MeterNames = None,
    where: Where = "",
    all_: AllMeters = False,
) -> None:
    """The meters that are chosen; all of them without a choice."""
    books = Books(ctx.obj)
    chosen = selection(meters, where, all_ or not (meters or where))
    with books.db.read() as conn:
        found = select.choose(conn, chosen, books.clock.now_s())
        labels = {known.meter: select.labels_of(conn, known.meter) for known in found}
    table = Table("meter", "presence", "channels", "last heard of", "labels", box=box.SIMPLE_HEAD)
    for known in found:
        told = ", ".join(f"{name}={value}" for name, value in labels[known.meter].items())
        table.add_row(
            known.meter,
            known.presence,
            str(known.channels or "-"),
            time_text(known.seen_at),
            Text(told),
        )
    out.print(table)
    say(f"{len(found)} meters.")


def names_() -> None:
    """What --where may ask for, beside the settings by their names."""
    table = Table("name", "what it is", box=box.SIMPLE_HEAD)
    for name, (_, what) in names.FIELDS.items():
        table.add_row(name, what)
    for prefix, what in names.PREFIXES.items():
        table.add_row(f"{prefix}.NAME", what)
    table.add_row("ch.N.SETTING", "a channel's setting; ch.*.SETTING: of any channel")
    out.print(table)


def label(
    ctx: typer.Context,
    name_value: Annotated[str, typer.Argument(metavar="NAME=VALUE", help="As floor=3.")],
    meters: MeterNames = None,
    where: Where = "",
    all_: AllMeters = False,
) -> None:
    """Give meters a label that --where can ask for; an empty value takes it away."""
    name, equals, value = name_value.partition("=")
    if not equals:
        raise StationError(f"{name_value!r} is not NAME=VALUE; write floor=3.")
    books = Books(ctx.obj)
    with books.db.write() as conn:
        found = select.choose(conn, selection(meters, where, all_), books.clock.now_s())
        select.label(conn, [known.meter for known in found], name, value)
    say(f"{len(found)} meters have {name}={value}." if value else f"{len(found)} have no {name}.")


def read(
    ctx: typer.Context,
    meters: MeterNames = None,
    where: Where = "",
    all_: AllMeters = False,
    no_wait: NoWait = False,
) -> None:
    """Ask meters for a fresh reading, and wait for their answers."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        read_id = reads.order(conn, selection(meters, where, all_), operator(), now_s)
    if no_wait:
        say(f"Read {read_id} is under way.")
        return
    found = _wait(books, read_id)
    out.print(_answers(found))
    say(_times(reads.times(found.answers)))
    if found.count("applied") < len(found.answers):
        raise typer.Exit(1)


def _wait(books: Books, read_id: int) -> reads.Read:
    end_s = time.monotonic() + _WAIT_S
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("answers", total=None)
        while True:
            with books.db.read() as conn:
                found = reads.get(conn, read_id)
            total = len(found.answers)
            progress.update(task, total=total, completed=total - found.open)
            if found.is_over or time.monotonic() >= end_s:
                return found
            time.sleep(_POLL_S)


def _answers(found: reads.Read) -> Table:
    """Those that did not answer first: they are what one looks for."""
    table = Table("meter", "answer", "after", box=box.SIMPLE_HEAD)
    for answer in sorted(found.answers, key=lambda a: (a.state == "applied", a.meter)):
        style = "green" if answer.state == "applied" else "yellow"
        after = "-" if answer.answer_s is None else age_text(answer.answer_s)
        table.add_row(answer.meter, Text(answer.state, style), after)
    return table


def _times(times: reads.Times) -> str:
    if times.p50_s is None:
        return f"None of {times.unanswered} has answered."
    return (
        f"{times.answered} answered, {times.unanswered} not; half within {times.p50_s} s,"
        f" 95 % within {times.p95_s} s, the slowest after {times.slowest_s} s."
    )


def read_log(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of them.")] = 20,
    hours: Annotated[int, typer.Option(min=1, help="The answer times of so many.")] = 24,
) -> None:
    """The reads of many meters so far, and how fast meters have answered."""
    books = Books(ctx.obj)
    table = Table("read", "at", "by", "meters", "answered", "p95", "", box=box.SIMPLE_HEAD)
    with books.db.read() as conn:
        for read_id in reads.latest(conn, limit):
            found = reads.get(conn, read_id)
            times = reads.times(found.answers)
            table.add_row(
                str(read_id),
                time_text(found.placed_at),
                Text(found.by or "-"),
                str(len(found.answers)),
                str(times.answered),
                "-" if times.p95_s is None else f"{times.p95_s} s",
                Text(found.sentence),
            )
        since_s = books.clock.now_s() - hours * 3_600
        over_all = reads.answer_times(conn, since_s)
    out.print(table)
    say(f"All readings asked for within {hours} h: {_times(over_all)}")

"""`umeter-station fleet rollout`: how far they are, and their pausing, ending and going back."""

import time
from typing import Annotated

import typer
from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from umeter_station import change
from umeter_station.cli_wait import NoWait
from umeter_station.fleet import rollout_plan, rollout_rows, rollouts, waves
from umeter_station.fleet.rollout_rows import Rollout
from umeter_station.station import Books
from umeter_station.terminal import err, operator, out, say
from umeter_station.words import age_text, time_text

_POLL_S = 1.0
_STYLES = {
    "applied": "green", "done": "green", "running": "cyan", "ordered": "cyan",
    "refused": "red", "silent": "red", "unhealthy": "red", "stopped": "red",
    "overtaken": "yellow", "asked": "yellow", "paused": "yellow", "differs": "red",
}  # fmt: skip

rollout_app = typer.Typer(no_args_is_help=True, help="What is brought to many meters in waves.")
_Id = Annotated[int, typer.Argument(metavar="ROLLOUT", help="Its number.")]


def follow(books: Books, rollout_id: int) -> bool:
    """Look on until it is over or waits for a person, and drive it on meanwhile: who looks on
    needs no other process for that. Ctrl-C ends the looking on alone. Is it done?"""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TextColumn("{task.fields[now]}"), console=err) as progress:
        task = progress.add_task(f"rollout {rollout_id}", total=None, now="")
        while True:
            with books.db.write() as conn:
                rollouts.step(conn, books.clock.now_s())
                found = rollout_rows.get(conn, rollout_id)
                now = rollout_rows.progress(conn, rollout_id)
            over = now.meters - now.count("waiting", "ordered")
            text = f"wave {found.wave}, {found.phase}; {now.failed} failed"
            progress.update(task, total=now.meters, completed=over, now=text)
            if found.state != "running":
                break
            time.sleep(_POLL_S)
    say(_sentence(found), _STYLES.get(found.state, ""))
    return found.state == "done"


def _sentence(found: Rollout) -> str:
    why = f": {found.sentence}" if found.sentence else ""
    return f"Rollout {found.id} is {found.state}{why}."


@rollout_app.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of them.")] = 20,
) -> None:
    """The newest first."""
    books = Books(ctx.obj)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("rollout", "what", "for", "state", "wave", "meters", "failed", "begun", "by"):
        table.add_column(name, overflow="fold")
    with books.db.read() as conn:
        for found in rollout_rows.page(conn, limit):
            now = rollout_rows.progress(conn, found.id)
            applied = now.count("applied")
            table.add_row(
                str(found.id),
                Text(_what(found)),
                Text(found.selection),
                Text(found.state, _STYLES.get(found.state, "")),
                str(found.wave),
                f"{applied} of {now.meters}",
                str(now.failed),
                time_text(found.made_at),
                Text(found.by or "-"),
            )
    out.print(table)


def _what(found: Rollout) -> str:
    if found.kind == "update":
        return f"release {found.payload[:12]}"
    if found.rolls_back is not None:
        return f"back from {found.rolls_back}"
    if found.template:
        return found.template
    return ", ".join(f"{key}={change.shown(key, v)}" for key, v in found.payload.items())


@rollout_app.command()
def show(
    ctx: typer.Context,
    rollout_id: _Id,
    keys: Annotated[bool, typer.Option("--keys", help="Each setting of each meter.")] = False,
) -> None:
    """Each meter of a rollout, and what was done to it."""
    books = Books(ctx.obj)
    now_s = books.clock.now_s()
    with books.db.read() as conn:
        found = rollout_rows.get(conn, rollout_id)
        rows = rollout_rows.meters(conn, rollout_id)
        log = rollout_rows.logged(conn, rollout_id)
        settings = rollout_rows.keys(conn, rollout_id) if keys else []
    table = Table("wave", "meter", "state", "for", "", box=box.SIMPLE_HEAD)
    for row in rows:
        state = Text(row.state, _STYLES.get(row.state, ""))
        age = age_text(now_s - row.since)
        table.add_row(str(row.wave), row.meter, state, age, Text(row.sentence))
    out.print(table)
    if keys:
        table = Table("meter", "setting", "before", "set", "now", "for", "", box=box.SIMPLE_HEAD)
        for key in settings:
            table.add_row(
                key.meter,
                key.key,
                Text(change.shown(key.key, key.before)),
                Text(change.shown(key.key, key.value)),
                Text(key.now, _STYLES.get(key.now, "")),
                age_text(now_s - key.now_since),
                Text(key.sentence),
            )
        out.print(table)
    for one in log:
        say(f"{time_text(one.at)}  {one.by or '-'}: {one.what}")
    say(_sentence(found), _STYLES.get(found.state, ""))


@rollout_app.command()
def watch(ctx: typer.Context, rollout_id: _Id) -> None:
    """Look on until it is over."""
    if not follow(Books(ctx.obj), rollout_id):
        raise typer.Exit(1)


@rollout_app.command()
def pause(ctx: typer.Context, rollout_id: _Id) -> None:
    """Order nothing more for now."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        say(_sentence(rollouts.pause(conn, rollout_id, operator(), books.clock.now_s())))


@rollout_app.command()
def resume(
    ctx: typer.Context,
    rollout_id: _Id,
    failing: Annotated[
        float | None, typer.Option(help="Percent that may fail from now on.", min=0, max=100)
    ] = None,
) -> None:
    """Go on, also after it has stopped by itself."""
    books = Books(ctx.obj)
    permille = None if failing is None else round(failing * 10)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        say(_sentence(rollouts.resume(conn, rollout_id, operator(), now_s, permille)))


@rollout_app.command()
def abort(ctx: typer.Context, rollout_id: _Id) -> None:
    """Order nothing more, for good; what was applied stays."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        say(_sentence(rollouts.abort(conn, rollout_id, operator(), books.clock.now_s())))


@rollout_app.command()
def back(ctx: typer.Context, rollout_id: _Id, no_wait: NoWait = False) -> None:
    """Set what it has changed as it was before, where nobody has changed it since."""
    books = Books(ctx.obj)
    with books.db.write() as conn:
        now_s = books.clock.now_s()
        back_id = rollout_plan.roll_back(conn, rollout_id, operator(), now_s, waves.BACK)
        found = rollout_rows.get(conn, back_id)
    say(f"Rollout {back_id} goes back from {rollout_id}." + f" {found.sentence}".rstrip())
    if not no_wait and not follow(books, back_id):
        raise typer.Exit(1)

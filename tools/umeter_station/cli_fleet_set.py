"""`umeter-station fleet set` and `update`: tried out on paper, agreed to, begun, looked on."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from umeter_deploy import bundle as bundles
from umeter_station import change
from umeter_station.cli_fleet_choice import AllMeters, MeterNames, MeterOption, Where, selection
from umeter_station.cli_fleet_rollout import follow
from umeter_station.cli_wait import NoWait
from umeter_station.errors import StationError
from umeter_station.fleet import rollout_plan, templates, waves
from umeter_station.fleet.preview import Preview
from umeter_station.fleet.rollout_plan import Consent
from umeter_station.fleet.waves import Pace
from umeter_station.station import Books
from umeter_station.terminal import err, operator, out, say

_SHOWN = 20

_Canary = Annotated[str | None, typer.Option(help="How many go first, as 3 or 5%.")]
_Wave = Annotated[str | None, typer.Option(help="How many at a time then, as 50 or 25%.")]
_Healthy = Annotated[
    int | None, typer.Option(help="Minutes for which the first ones are watched.", min=0)
]
_Pause = Annotated[int | None, typer.Option(help="Minutes between the waves.", min=0)]
_Answer = Annotated[int | None, typer.Option(help="Minutes in which to answer.", min=1)]
_Failing = Annotated[
    float | None, typer.Option(help="Percent that may fail before it stops.", min=0, max=100)
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def _pace(
    base: Pace,
    canary: str | None,
    wave: str | None,
    healthy: int | None,
    pause: int | None,
    answer: int | None,
    failing: float | None,
) -> Pace:
    given = {
        "canary": canary,
        "wave": wave,
        "healthy_s": healthy if healthy is None else healthy * 60,
        "wave_pause_s": pause if pause is None else pause * 60,
        "answer_s": answer if answer is None else answer * 60,
        "failed_permille": failing if failing is None else round(failing * 10),
    }
    return Pace(**{**base.__dict__, **{k: v for k, v in given.items() if v is not None}})


def set_(
    ctx: typer.Context,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="The value as JSON; null: the default."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSON object of settings.")] = None,
    template: Annotated[str, typer.Option(help="Or a template, as flats or flats@2.")] = "",
    meters: MeterOption = None,
    where: Where = "",
    all_: AllMeters = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what it would do.")
    ] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out meters that would refuse it.")
    ] = False,
    cut_off: Annotated[
        bool, typer.Option("--cut-off", help="Even if customers are cut off by it.")
    ] = False,
    canary: _Canary = None,
    wave: _Wave = None,
    healthy: _Healthy = None,
    pause: _Pause = None,
    answer: _Answer = None,
    failing: _Failing = None,
    yes: _Yes = False,
    no_wait: NoWait = False,
) -> None:
    """Change the settings of many meters: a few first, then the rest in waves."""
    chosen = selection(meters, where, all_)
    pace = _pace(Pace(), canary, wave, healthy, pause, answer, failing)
    books = Books(ctx.obj)
    with books.db.read() as conn:
        if template and (changes or file):
            raise StationError("Give either settings or a --template.")
        if template:
            found = templates.get(conn, *templates.parse_name(template))
            wanted, named = found.settings, str(found)
        else:
            wanted, named = change.parse(changes or [], file), ""
        seen = rollout_plan.dry_run(conn, chosen, wanted, books.clock.now_s())
    if not seen:
        raise StationError(f"No meter is chosen by {chosen}; look with `fleet list`.")
    _show(seen)
    if dry_run:
        return
    consent = Consent(leave_out, cut_off, {one.meter: one.version for one in seen})
    if not yes and not _agreed(f"Begin with {waves.amount(pace.canary, len(seen))} of them?"):
        raise StationError("Nothing was sent.")
    with books.db.write() as conn:
        rollout_id = rollout_plan.start_set(
            conn, chosen, wanted, pace, operator(), books.clock.now_s(), consent, named
        )
    _begun(books, rollout_id, no_wait)


def update(
    ctx: typer.Context,
    bundle: Annotated[Path, typer.Argument(help="What `umeter bundle` has made.")],
    meters: MeterNames = None,
    where: Where = "",
    all_: AllMeters = False,
    canary: _Canary = None,
    wave: _Wave = None,
    healthy: _Healthy = None,
    pause: _Pause = None,
    answer: _Answer = None,
    failing: _Failing = None,
    yes: _Yes = False,
    no_wait: NoWait = False,
) -> None:
    """Bring many meters a release: a few first, then the rest in waves."""
    chosen = selection(meters, where, all_)
    pace = _pace(waves.UPDATES, canary, wave, healthy, pause, answer, failing)
    books = Books(ctx.obj)
    try:
        read = bundles.read(bundle)
    except ValueError as error:
        raise StationError(f"{error}.") from None
    if not yes and not _agreed(f"Bring release {read.release} to {chosen}?"):
        raise StationError("Nothing was sent.")
    name = books.add_bundle(read)
    with books.db.write() as conn:
        rollout_id = rollout_plan.start_update(
            conn, chosen, name, pace, operator(), books.clock.now_s()
        )
    _begun(books, rollout_id, no_wait)


def _begun(books: Books, rollout_id: int, no_wait: bool) -> None:
    say(f"Rollout {rollout_id} has begun; `fleet rollout show {rollout_id}` tells how far it is.")
    if not no_wait and not follow(books, rollout_id):
        raise typer.Exit(1)


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        raise StationError("Nothing was sent; nobody was there to ask, so add --yes.") from None


def _show(seen: list[Preview]) -> None:
    """What changes, how often, and what speaks against it; each meter only if they are few."""
    changes = Counter(
        (d.key, change.shown(d.key, d.before), change.shown(d.key, d.after))
        for one in seen
        for d in one.differences
    )
    table = Table("setting", "now", "then", "meters", box=box.SIMPLE_HEAD)
    for (key, before, after), number in sorted(changes.items()):
        style = "dim" if before == after else ""
        table.add_row(key, Text(before), Text(after), str(number), style=style)
    out.print(table)
    refused = [one for one in seen if one.refusal]
    away = sum(one.presence != "online" for one in seen)
    cut = sum(len(one.cuts) for one in seen)
    warned = [(one.meter, words) for one in seen for words in one.warnings]
    for meter, words in warned[:_SHOWN]:
        err.print(Text(f"{meter}: {words}", "yellow"), soft_wrap=True)
    if len(warned) > _SHOWN:
        err.print(Text(f"and {len(warned) - _SHOWN} more warnings", "yellow"))
    for one in refused[:_SHOWN]:
        err.print(Text(f"{one.meter} would refuse it: {one.refusal}", "red"), soft_wrap=True)
    say(
        f"{len(seen)} meters, {away} of them away, {len(refused)} would refuse it;"
        f" {cut} channels would be cut off."
    )

"""`umeter doctor`: which modules answer, under which address, and is each contact wired right?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from umeter_deploy import files, ports
from umeter_deploy.doctor_bus import (
    BusError,
    Exchange,
    Module,
    exchange_on,
    scan,
    set_address,
)
from umeter_deploy.doctor_wiring import OK, Limits, Wiring
from umeter_deploy.link import Link, LinkError
from umeter_deploy.stamp import unstamped
from umeter_deploy.terminal import failure, say, warn
from umeter_sim.build import BuildError, build_firmware, names_of
from umeter_sim.squeeze_names import Names

_PZEM = "pzem"

_Port = Annotated[str, typer.Option(help="Serial port, auto: the one that a board is on.")]
_Board = Annotated[
    Path | None,
    typer.Option(help="A board.json, or the folder that holds it, else the board's own."),
]

app = typer.Typer(invoke_without_command=True)


@app.callback()
def doctor(
    ctx: typer.Context,
    port: _Port = ports.AUTO,
    board: _Board = None,
    wiring: Annotated[
        bool, typer.Option("--wiring/--no-wiring", help="Close the contacts, one after another.")
    ] = True,
    channel: Annotated[
        list[int] | None, typer.Option("--channel", "-c", help="Only this one; may be repeated.")
    ] = None,
    least_w: Annotated[
        int, typer.Option(min=1, help="Less power than this is taken for none, W.")
    ] = 10,
    seconds: Annotated[
        int, typer.Option(min=3, max=60, help="For which each contact is closed.")
    ] = 5,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Find the metering modules of a board, and check the wiring of each channel. The meter stops
    meanwhile, with all contacts open, and starts again after it.
    """
    if ctx.invoked_subcommand is not None:
        return
    with _told_in_words(), _board_at(port) as link:
        document = _document(link, board)
        indices = _chosen(document, channel or [])
        fine = _modules(link, document)
        if wiring and (yes or _agreed(len(indices), seconds)):
            limits = Limits(least_w * 10, seconds * 1000)
            fine = _wiring(link, document, indices, limits) and fine
    if not fine:
        raise typer.Exit(1)


@app.command()
def address(
    port: _Port = ports.AUTO,
    board: _Board = None,
    bus: Annotated[
        str | None, typer.Option(help="Of board.json; may be left out if there is one.")
    ] = None,
    to: Annotated[
        int | None, typer.Option(help="For the one module that is connected now.")
    ] = None,
) -> None:
    """Give PZEM modules their addresses: the one that is connected now, or all in turn."""
    with _told_in_words(), _board_at(port) as link:
        document = _document(link, board)
        name = _one_bus(document, bus)
        exchange = exchange_on(link, document["buses"][name])
        if to is not None:
            say(_told(set_address(exchange, to), to))
            return
        warn(
            "What these modules measure is at mains potential: switch the mains off each time"
            " before you touch a wire, and on again before you press Enter."
        )
        for number, channel in _on_bus(document, name):
            _walk(exchange, name, number, channel["address"])


def _walk(exchange: Exchange, bus: str, number: int, wanted: int) -> None:
    """Until the module of a channel has its address, or is left out."""
    while True:
        question = (
            f"Connect only the module of channel {number} to bus {bus}, and press Enter (s: leave"
            " it out)"
        )
        if _answer(question).lower() == "s":
            return
        try:
            say(_told(set_address(exchange, wanted), wanted))
            return
        except BusError as error:
            warn(f"{error}.")


def _told(before: int, now: int) -> str:
    if before == now:
        return f"The module has address {now}, as before."
    return f"The module had address {before}, and has {now} now."


def _modules(link: Link, document: dict[str, Any]) -> bool:
    """Show who answers on each bus of PZEM modules. Is it just who should?"""
    table = Table(title="PZEM modules", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("bus", "address", "V", "W", "Wh"):
        table.add_column(heading, justify="right")
    table.add_column("channel")
    fine = True
    names = _buses(document)
    for name in names:
        wanted = {channel["address"]: number for number, channel in _on_bus(document, name)}
        there = {module.address: module for module in _scanned(link, document, name, list(wanted))}
        for at in sorted(there.keys() | wanted.keys()):
            cells, good = _row(there.get(at), wanted.get(at))
            table.add_row(name, str(at), *cells, style="" if good else "yellow")
            fine = fine and good
    if names:
        Console().print(table)
    else:
        say("This board has no PZEM modules to look for.")
    return fine


def _row(module: Module | None, channel: int | None) -> tuple[list[str], bool]:
    """Cells from the voltage on, and whether all is well."""
    of = f"channel {channel}" if channel else "no channel's: umeter doctor address"
    if module is None:
        return ["-", "-", "-", f"{of}: nothing answers"], False
    if module.garbled:
        return ["?", "?", "?", f"{of}: garbled, do two modules have this address?"], False
    return [
        f"{module.voltage_dv // 10}.{module.voltage_dv % 10}",
        f"{module.power_dw // 10}.{module.power_dw % 10}",
        str(module.energy_wh),
        of,
    ], channel is not None


def _scanned(link: Link, document: dict[str, Any], bus: str, wanted: list[int]) -> list[Module]:
    exchange = exchange_on(link, document["buses"][bus])
    with _bar() as bar:
        task = bar.add_task(f"looking for modules on bus {bus}", total=None)
        return scan(exchange, wanted, lambda n, of: bar.update(task, completed=n, total=of))


def _wiring(link: Link, document: dict[str, Any], indices: list[int], limits: Limits) -> bool:
    """Show what is wrong with the wiring of channels. Is nothing?"""
    table = Table(title="wiring", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("channel", justify="right")
    table.add_column("verdict")
    verdicts = []
    with _bar() as bar:
        task = bar.add_task("looking at all channels, every contact open", total=len(indices))
        there = Wiring(link, document, _names(), limits)
        try:
            for index in indices:
                bar.update(task, description=f"contact {index + 1} is closed")
                verdicts.append(there.judge(index))
                bar.advance(task)
        finally:
            there.open_all()
    for index, verdict in zip(indices, verdicts, strict=True):
        table.add_row(str(index + 1), Text(verdict, "green" if verdict == OK else "red"))
    Console().print(table)
    return all(verdict == OK for verdict in verdicts)


def _names() -> Names:
    """Those of the firmware as `umeter deploy` brings it."""
    return names_of(build_firmware().folder)


def _agreed(contacts: int, seconds: int) -> bool:
    warn(
        f"Now {contacts} contacts will be closed, one at a time, for {seconds} s each: what is"
        " connected to the outputs is then at mains voltage. Each needs a known load, as a lamp,"
        " and nobody near it."
    )
    return _answer("Switch the mains on them? Write yes").lower() == "yes"


def _document(link: Link, given: Path | None) -> dict[str, Any]:
    """board.json as the board has it. ValueError, one sentence, if there is none, or no good."""
    if given is not None:
        path = given / "board.json" if given.is_dir() else given
        try:
            return unstamped(json.loads(files.board_text(files.read(path))))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    text = link.ask("_read('board.json')")
    try:
        return unstamped(json.loads(text or ""))
    except ValueError:
        raise ValueError("The board has no board.json: name its folder with --board") from None


def _buses(document: dict[str, Any]) -> list[str]:
    """Those on which PZEM modules are, or may be: nobody else is."""
    kinds: dict[str, set[str]] = {
        name: set() for name, bus in document.get("buses", {}).items() if bus["type"] == "uart"
    }
    for user in [*document["channels"], document["relays"]]:
        if user.get("bus") in kinds:
            kinds[user["bus"]].add(user.get("frontend", "a relay"))
    return [name for name, users in kinds.items() if _PZEM in users or not users]


def _one_bus(document: dict[str, Any], given: str | None) -> str:
    names = _buses(document)
    if given in names:
        return given
    if given is None and len(names) == 1:
        return names[0]
    there = f"name one with --bus: {', '.join(names)}" if names else "there is none"
    raise ValueError(f"--bus has to be a bus of PZEM modules in board.json; {there}")


def _on_bus(document: dict[str, Any], bus: str) -> list[tuple[int, dict[str, Any]]]:
    return [
        (number, channel)
        for number, channel in enumerate(document["channels"], 1)
        if channel.get("bus") == bus and channel["frontend"] == _PZEM
    ]


def _chosen(document: dict[str, Any], numbers: list[int]) -> list[int]:
    count = len(document["channels"])
    for number in numbers:
        if not 1 <= number <= count:
            raise ValueError(f"There is no channel {number}, the board has {count}")
    return [number - 1 for number in numbers] or list(range(count))


@contextmanager
def _board_at(port: str) -> Iterator[Link]:
    with Link(ports.find(port)) as link:
        yield link


@contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        yield
    except (ValueError, LinkError, BusError, BuildError) as error:
        raise failure(f"{error}.") from None


def _answer(question: str) -> str:
    try:
        return typer.prompt(question, "", show_default=False, err=True).strip()
    except typer.Abort:
        Console(stderr=True).print()  # ends the line of the question
        raise ValueError("Nobody has answered: nothing more was done") from None


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True), transient=True
    )

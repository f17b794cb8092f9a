"""`umeter board`: a board file's pin table, and a new board file by questions."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from umeter_deploy import board_check, board_hazards, board_new, files
from umeter_deploy.terminal import failure, say, warn

app = typer.Typer(help="Board files.", no_args_is_help=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="a board.json, or the folder that holds it")],
) -> None:
    """Check a board file, and show what each pin does and what to mind about it."""
    path = file / "board.json" if file.is_dir() else file
    try:
        document = files.read(path)
    except ValueError as error:
        raise failure(f"{error}.") from None
    try:
        kit = board_check.check(document)
        made = board_check.for_board(document)
    except ValueError as error:
        raise failure(f"{path}: {error}.") from None
    say(f"{path} is good: {document['name']}, {len(document['channels'])} channels.")
    Console().print(_pin_table(board_hazards.rows(kit)))
    say(board_hazards.opening(made["safe"]))
    for warning in board_hazards.warnings(document, made["safe"]):
        warn(warning)
    _about(document.get("about", {}))


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="folder for the new board.json, named as it is")],
) -> None:
    """Ask what a board is made of, and write its board.json. What is there already stays."""
    path = folder / "board.json"
    try:
        if path.exists():
            raise ValueError(f"{path} is there already: name another folder")
        document = board_new.ask(folder.resolve().name, _prompt, warn)
        _write(path, document)
    except ValueError as error:
        raise failure(f"{error}.") from None
    say(f"{path} is written: look at it with umeter board check {folder}.")


def _prompt(words: str, default: str | None) -> str:
    return typer.prompt(words, default=default, show_default=bool(default))


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(board_new.text(document))
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from None


def _pin_table(rows: list[board_hazards.Row]) -> Table:
    drawn = Table("GPIO", "used for", "in reset", "note", title_justify="left")
    drawn.columns[0].justify = "right"
    for column in drawn.columns[:3]:
        column.no_wrap = True
    for row in rows:
        drawn.add_row(str(row.gpio), row.use, row.at_reset, "\n".join(row.notes))
    return drawn


def _about(about: dict[str, Any]) -> None:
    if about.get("verified") is False:
        warn("Nobody has tried this board file on the hardware: check each line before mains.")
    for fact, why in about.get("unverified", {}).items():
        warn(f"Not verified: {fact}: {why}")

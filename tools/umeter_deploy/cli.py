"""The command line `umeter`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from umeter_deploy.board_file import check_board

app = typer.Typer(help="Tools for umeter boards.", no_args_is_help=True, add_completion=False)
board = typer.Typer(help="Board files.", no_args_is_help=True)
app.add_typer(board, name="board")


@board.command()
def check(
    file: Annotated[Path, typer.Argument(help="a board.json, or the folder that holds it")],
) -> None:
    """Check a board file by the rules that the board itself applies."""
    path = file / "board.json" if file.is_dir() else file
    try:
        document = json.loads(path.read_text())
        check_board(document)
    except OSError as error:
        raise _failure(f"{path} cannot be read: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise _failure(f"{path} is not JSON: {error}.") from None
    except ValueError as error:
        raise _failure(f"{path}: {error}.") from None
    channels = len(document["channels"])
    Console().print(f"{path} is good: {document['name']}, {channels} channels.", highlight=False)


def _failure(sentence: str) -> typer.Exit:
    Console(stderr=True).print(sentence, style="red", highlight=False)
    return typer.Exit(1)

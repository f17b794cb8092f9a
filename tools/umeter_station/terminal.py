"""What all commands share: where they print, and how a meter is named."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

MeterName = Annotated[str, typer.Argument(help="The meter's name.", metavar="METER")]


def say(text: str, style: str = "") -> None:
    out.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def operator() -> str:
    """Whoever sits at this terminal, as the acts name him."""
    try:
        return f"operator:{getpass.getuser()}"
    except (OSError, KeyError):  # A container may have no name for its user.
        return "operator:terminal"

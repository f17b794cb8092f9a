"""What all commands share: where they print, and how a meter is named."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

# What stands in a name or a key is shown as it is, and never taken for markup or for an emoji.
out = Console(markup=False, emoji=False)
err = Console(stderr=True, markup=False, emoji=False)

MeterName = Annotated[str, typer.Argument(help="The meter's name.", metavar="METER")]


def say(text: str, style: str = "") -> None:
    out.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def operator() -> str:
    """Whoever sits at this terminal, as the acts name him."""
    try:
        return f"operator:{getpass.getuser()}"
    except (OSError, KeyError):  # A container may have no name for its user.
        return "operator:terminal"

"""What all commands share: where they print, and how a meter is named."""

import getpass
from typing import Annotated

import typer
from rich.console import Console

# What stands in a name or a key is shown as it is, and never taken for markup or for an emoji.
out = Console(markup=False, emoji=False)
err = Console(stderr=True, markup=False, emoji=False)

MeterName = Annotated[str, typer.Argument(help="The meter's name.", metavar="METER")]
Amount = Annotated[str, typer.Argument(help="As 12.50, in the currency.", metavar="AMOUNT")]
ActKey = Annotated[
    str | None, typer.Option(help="Names this act; the same key again is the same act.")
]


def say(text: str, style: str = "") -> None:
    out.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def say_it_waits(approval_id: int) -> None:
    say(f"That takes two people: it waits as approval {approval_id}.")


def operator() -> str:
    """Whoever sits at this terminal, as the acts name him."""
    try:
        return f"operator:{getpass.getuser()}"
    except (OSError, KeyError):  # A container may have no name for its user.
        return "operator:terminal"

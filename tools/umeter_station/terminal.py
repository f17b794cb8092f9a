"""What all commands share: where they print, and how a meter is named."""

from typing import Annotated

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

MeterName = Annotated[str, typer.Argument(help="The meter's name.", metavar="METER")]


def say(text: str, style: str = "") -> None:
    out.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

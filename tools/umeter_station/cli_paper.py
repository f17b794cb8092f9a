"""How the commands show what a printer would print."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from umeter_station.desk import paper_escpos, paper_html
from umeter_station.desk.paper import Paper
from umeter_station.errors import StationError
from umeter_station.terminal import say

FORMS = ("text", "html", "escpos")
Form = Annotated[str, typer.Option("--form", help="As text, html or escpos.")]
To = Annotated[Path | None, typer.Option("--to", help="Write it to this file.")]
Columns = Annotated[int, typer.Option(help="How wide the paper is: 32 or 48 characters.")]


def show(paper: Paper, form: str, to: Path | None, columns: int) -> None:
    if form == "html":
        content = paper_html.render(paper).encode()
    elif form == "escpos":
        content = paper_escpos.render(paper, columns)
    elif form == "text":
        content = paper_escpos.text(paper, columns).encode()
    else:
        raise StationError(f"A paper is {', '.join(FORMS)}, not {form!r}.")
    if to is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    try:
        to.write_bytes(content)
    except OSError as error:
        raise StationError(f"{to} cannot be written ({error.strerror}).") from None
    say(f"It is in {to}.")

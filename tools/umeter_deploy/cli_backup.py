"""`umeter backup` and `umeter restore`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from umeter_deploy import backup as backups
from umeter_deploy import journal_books, ports, restoring
from umeter_deploy.backup import BackupError
from umeter_deploy.journal_books import Books
from umeter_deploy.link import Link, LinkError
from umeter_deploy.onboard_script import Script
from umeter_deploy.terminal import failure, say, warn

_MILLION = 1_000_000

_Port = Annotated[str, typer.Option(help="Serial port, auto: the one that a board is on.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False)]


def backup_command(file: _File, port: _Port = ports.AUTO) -> None:
    """Save a board's books and files, its key among them. The meter stops meanwhile, with all
    contacts open, and starts again after it.
    """
    with _told_in_words():
        if file.exists():
            raise BackupError(f"{file} is there already: name another file")
        with Link(ports.find(port)) as link, _bar() as bar:
            task = bar.add_task("reading the journal", total=None)
            taken = backups.take(link, lambda n, of: bar.update(task, completed=n, total=of))
        books = _books(taken.journal, "The board's journal")
        backups.save(file, backups.packed(taken))
    Console().print(_table(books, None))
    say(
        f"{file} holds the books of meter {taken.about['meter']} after order {books.order}, and"
        " its key: only you can read it, so keep it as you keep a key.",
    )
    if books.damaged:
        warn("The journal has been damaged; the backup holds what is whole of it.")


def restore_command(
    file: _File,
    port: _Port = ports.AUTO,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Write it; without, only the books are shown.")
    ] = False,
) -> None:
    """Bring a board back what a backup has: one that has lost its journal, or takes the place of a
    dead one. Balances never go back in time.
    """
    with _told_in_words():
        backup = backups.read(file)
        past = _books(backup.journal, f"The journal in {file}")
        with Link(ports.find(port)) as link:
            known = restoring.is_same_meter(_site(link), backup)
            present, script, size = _present(link)
            restoring.refuse_to_roll_back(past, present)
            Console().print(_table(past, present))
            if present.damaged:
                warn("The board's journal is damaged; the last column is what is whole of it.")
            if not confirm:
                raise BackupError(
                    f"Nothing was written; these books, as they were at order {past.order}, become"
                    " the board's with --confirm"
                )
            with _bar() as bar:
                task = bar.add_task("writing the journal", total=None)
                restoring.put(
                    restoring.BoardFlash(script),
                    size,
                    past,
                    present,
                    lambda n, of: bar.update(task, completed=n, total=of),
                )
            _verify(script, restoring.wanted(past))
            if not known:
                restoring.bring_files(link, backup, lambda count: None)
    software = "" if known else " Its software comes by `umeter deploy`, if it has none yet."
    say(
        f"The board has the books of meter {backup.about['meter']} again, as they were at order"
        f" {past.order}.{software} Compare them with the station's: what was sold since is not in"
        " them.",
    )


def _present(link: Link) -> tuple[Books, Script, int]:
    """The board's own books, and how to write its journal's flash of so many bytes."""
    script = Script(link, "sectors")
    with _bar() as bar:
        task = bar.add_task("reading the board's journal", total=None)
        cells = backups.journal(script, lambda n, of: bar.update(task, completed=n, total=of))
    return _books(cells, "The board's journal"), script, len(cells)


def _verify(script: Script, wanted: dict[str, bytes]) -> None:
    there = _books(backups.journal(script, lambda *_: None), "The board's journal")
    if there.values != wanted:
        raise LinkError(
            "The board does not hold what was written: try again, and take another board if it"
            " stays so"
        )


def _books(cells: bytes, whose: str) -> Books:
    try:
        return journal_books.read(cells)
    except ValueError as error:
        raise BackupError(f"{whose} cannot be read: {error}") from None


def _site(link: Link) -> dict[str, Any] | None:
    """None of a board that is no meter yet."""
    text = link.ask("_read('site.json')")
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise BackupError(
            "The board's site.json is damaged, so nobody knows whose board it is: bring it its own"
            " again (umeter deploy), or erase the board (umeter flash --erase)"
        ) from None


def _table(books: Books, present: Books | None) -> Table:
    """present: the books of the board that is to have them, None where there is none."""
    table = Table("channel", box=box.SIMPLE_HEAD)
    for heading in ("Wh", "credited", "charged", "balance"):
        table.add_column(heading, justify="right")
    if present is not None:
        table.add_column("balance on the board", justify="right")
    for index, channel in enumerate(books.channels):
        cells = [str(channel.wh)]
        cells += map(_money, (channel.credited_u, channel.charged_u, channel.balance_u))
        if present is not None:
            there = present.channels[index : index + 1]
            cells.append(_money(there[0].balance_u) if there else "-")
        table.add_row(str(index + 1), *cells)
    return table


def _money(amount_u: int) -> str:
    sign = "-" if amount_u < 0 else ""
    whole, rest = divmod(abs(amount_u), _MILLION)
    return f"{sign}{whole}.{rest:06d}"


@contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        yield
    except (ValueError, LinkError) as error:
        raise failure(f"{error}.") from None


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        console=Console(stderr=True),
        transient=True,
    )

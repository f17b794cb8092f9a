"""A backup back onto a board, never a balance back in time.

The set of the backup goes into one sector of the journal, another than the one that holds the
board's present set, with a higher sequence; its header last. That is how the meter itself turns a
sector over: whatever ends on the way, the board has the set that it had, or the whole new one.
What the board had stays where it is, as older.
"""

import base64
from collections.abc import Callable
from typing import Any

from umeter_deploy import backup as backups
from umeter_deploy import journal_books
from umeter_deploy.backup import Backup, BackupError
from umeter_deploy.journal_books import PAGES, SECTOR, Books, Flash
from umeter_deploy.link import Link, LinkError
from umeter_deploy.onboard_script import Script

_HEADER_BYTES = 14  # core/journal.py
_PIECE = 512
_BOOTS_AHEAD = 1000
_EVENTS_AHEAD = 4096
_WAY_OUT = (
    "there is nothing to restore; a backup is for a board that has lost its journal, or takes the"
    " place of a dead one, and what was sold since it was made is then reconciled at the station"
)

Progress = Callable[[int, int], None]


class BoardFlash:
    """The journal's flash of a board at its prompt, see onboard/sectors.py."""

    def __init__(self, script: Script):
        self._script = script

    def read(self, off: int, buf: Any) -> None:
        cells = backups.sector(self._script, off // SECTOR)
        buf[:] = cells[off % SECTOR : off % SECTOR + len(buf)]

    def erase(self, off: int) -> None:
        self._script.run(f"erase({off})")

    def program(self, off: int, buf: Any) -> None:
        self._script.run(f"program({off}, {base64.b64encode(buf).decode()!r})")


def is_same_meter(site: dict[str, Any] | None, backup: Backup) -> bool:
    """BackupError, one sentence, if the board is another meter; False if it is none yet."""
    if site is None:
        return False
    theirs = backup.site
    if site.get("meter") != theirs.get("meter"):
        raise BackupError(
            f"This board is meter {site.get('meter')}, the backup is of {theirs.get('meter')}:"
            " take that one's board, or a blank one"
        )
    if site.get("key") != theirs.get("key"):
        raise BackupError(
            f"This board's key is not that of the backup: {site.get('meter')} was made anew or got"
            " another key since, so its old journal does not belong here"
        )
    return True


def refuse_to_roll_back(past: Books, present: Books) -> None:
    """BackupError, one sentence, if the board's own books are newer than those of the backup."""
    if not past.values:
        raise BackupError("The backup is of a board without books: there is nothing to restore")
    if not present.values:
        return
    if present.values in (past.values, wanted(past)):
        raise BackupError("The board holds just what the backup has: there is nothing to restore")
    for why in _newer(past, present):
        raise BackupError(f"The board's own journal is newer ({why}): {_WAY_OUT}")


def _newer(past: Books, present: Books):
    if len(past.channels) < len(present.channels):
        yield f"{len(present.channels)} channels, {len(past.channels)} in the backup"
    for number, (before, now) in enumerate(zip(past.channels, present.channels, strict=False), 1):
        for what, old, new, scale in (
            ("credited", before.credited_u, now.credited_u, 1_000_000),
            ("charged", before.charged_u, now.charged_u, 1_000_000),
            ("used", before.wh, now.wh, 1),
        ):
            if old < new:
                unit = " Wh" if scale == 1 else ""
                yield (
                    f"channel {number}: {_amount(new, scale)}{unit} {what},"
                    f" {_amount(old, scale)} in the backup"
                )
    if past.order < present.order:
        yield f"order {present.order} was taken, {past.order} is the last in the backup"


def _amount(value: int, scale: int) -> str:
    if scale == 1:
        return str(value)
    whole, rest = divmod(value, scale)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def wanted(past: Books) -> dict[str, bytes]:
    """The set that the board is to have. Nobody knows which boots and events the meter has
    numbered since the backup, and no number may come twice.
    """
    return journal_books.ahead(past.values, _BOOTS_AHEAD, _EVENTS_AHEAD)


def put(flash: Flash, size: int, past: Books, present: Books, progress: Progress) -> None:
    """Make the set of `past` the journal's. LinkError if it does not read back as written."""
    image = journal_books.written(wanted(past), max(past.sequence, present.sequence) + 1)
    at = (present.sector + 1) % (size // len(image)) * len(image)
    for page in range(PAGES):
        flash.erase(at + page * SECTOR)
    begins = (_HEADER_BYTES, *range(_PIECE, len(image), _PIECE))
    pieces = [(begin, image[begin : begin - begin % _PIECE + _PIECE]) for begin in begins]
    pieces = [(begin, piece) for begin, piece in pieces if piece.strip(b"\xff")]
    for done, (begin, piece) in enumerate(pieces):
        progress(done, len(pieces) + 2)
        flash.program(at + begin, piece)
    _compare(flash, at, b"\xff" * _HEADER_BYTES + image[_HEADER_BYTES:])
    progress(len(pieces) + 1, len(pieces) + 2)
    flash.program(at, image[:_HEADER_BYTES])
    _compare(flash, at, image)
    progress(len(pieces) + 2, len(pieces) + 2)


def _compare(flash: Flash, at: int, wanted: bytes) -> None:
    for page in range(0, len(wanted), SECTOR):
        there = bytearray(SECTOR)
        flash.read(at + page, there)
        if there != wanted[page : page + SECTOR]:
            raise LinkError(
                "The flash does not hold what was written, so the journal is as it was; try again,"
                " and take another board if it stays so"
            )


def bring_files(link: Link, backup: Backup, sent: Callable[[int], None]) -> None:
    """board.json, site.json and what belongs to them, for a board that has none."""
    names = [name for name in backup.files if name != backups.JOURNAL]
    # The site last: without it a board does not start.
    for name in sorted(names, key=lambda name: name == "site.json"):
        link.write(f"{name}.new", backup.files[name], sent)
        link.run(f"os.rename({f'{name}.new'!r}, {name!r})")

"""A board's past in one file: a zip of the journal's flash as it is, board.json, site.json and
what belongs to it, with a manifest that has the SHA-256 of each. It holds the meter's key.
"""

import base64
import hashlib
import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umeter_deploy.journal_books import SECTOR
from umeter_deploy.link import Link, LinkError
from umeter_deploy.onboard_script import Script

MANIFEST, JOURNAL = "manifest.json", "journal.bin"
DOCUMENTS = ("board.json", "site.json")
_FORMAT = 1
_PIECE = 512  # onboard/sectors.py
_MOST_BYTES = 16 << 20
_CUT = "The backup is cut short, or was changed: take another copy of it"

Progress = Callable[[int, int], None]


class BackupError(ValueError):
    """The text is one sentence for people, without its point."""


@dataclass(frozen=True)
class Backup:
    """about: the manifest without its digests: format, made_t (Unix seconds), meter, board, slot,
    software. files: by name, journal.bin among them."""

    about: dict[str, Any]
    files: dict[str, bytes]

    @property
    def journal(self) -> bytes:
        return self.files[JOURNAL]

    @property
    def site(self) -> dict[str, Any]:
        return json.loads(self.files["site.json"])


def take(link: Link, progress: Progress = lambda *_: None) -> Backup:
    """Read a board that is stopped. LinkError or BackupError, one sentence, if that fails."""
    script = Script(link, "sectors")
    files = {}
    names = link.ask("[name for name in os.listdir() if name.endswith('.der')]")
    for name in (*DOCUMENTS, *sorted(names)):
        if link.ask(f"_digest({name!r})") is None:
            raise BackupError(f"There is no {name} on this board: it is no meter yet")
        files[name] = _decoded(script.run(f"take({name!r})").split())
    files[JOURNAL] = journal(script, progress)
    about = {
        "format": _FORMAT,
        "made_t": int(time.time()),
        "meter": _json(files, "site.json", "meter"),
        "board": _json(files, "board.json", "name"),
        "slot": link.ask("_read('slot')") or "a good",
        "software": _software(link),
    }
    return Backup(about, files)


def journal(script: Script, progress: Progress) -> bytes:
    """The flash of the journal, by onboard/sectors.py."""
    size, _ = script.ask("open_flash()")
    cells = bytearray(b"\xff" * size)
    for at in range(0, size, SECTOR):
        progress(at, size)
        cells[at : at + SECTOR] = sector(script, at // SECTOR)
    progress(size, size)
    return bytes(cells)


def sector(script: Script, number: int) -> bytes:
    """One of its sectors, once it is open."""
    cells = bytearray(b"\xff" * SECTOR)
    for i, line in enumerate(script.run(f"show({number})").split()):
        if line != "-":
            cells[i * _PIECE : (i + 1) * _PIECE] = _decoded([line], _PIECE)
    return bytes(cells)


def packed(backup: Backup) -> bytes:
    """The file."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in backup.files.items()}
    contents = {
        MANIFEST: json.dumps({**backup.about, "sha256": digests}, indent=1).encode(),
        **backup.files,
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return file.getvalue()


def read(path: Path) -> Backup:
    """BackupError, one sentence, if it is no backup, or not whole."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BackupError(f"{path} is no backup of a board: it is too large")
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MOST_BYTES:
                raise BackupError(f"{path} is no backup of a board: it is too large")
            contents = {name: archive.read(name) for name in archive.namelist()}
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError):
        raise BackupError(f"{path} is no backup of a board, or cut short") from None
    try:
        about = json.loads(contents.pop(MANIFEST))
        form, digests = about["format"], about.pop("sha256")
    except (KeyError, TypeError, AttributeError, ValueError):
        raise BackupError(f"{path} is no backup of a board") from None
    if form != _FORMAT:
        raise BackupError(f"{path} was made by a later version of umeter: take that one")
    there = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    if there != digests or not {JOURNAL, *DOCUMENTS} <= there.keys():
        raise BackupError(f"{path}: {_CUT}")
    return Backup(about, contents)


def save(path: Path, content: bytes) -> None:
    """Write it whole or not at all, for its owner alone. BackupError if it is there, or fails."""
    part = path.with_name(f".{path.name}.part")
    try:
        if path.exists():
            raise BackupError(f"{path} is there already: name another file")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}") from None


def _decoded(lines: list[str], length: int | None = None) -> bytes:
    try:
        content = b"".join(base64.b64decode(line, validate=True) for line in lines)
    except ValueError:
        content = None
    if content is None or length not in (None, len(content)):
        raise LinkError("What the board has sent is garbled: try again, with another cable")
    return content


def _json(files: dict[str, bytes], name: str, key: str) -> str:
    try:
        return json.loads(files[name])[key]
    except (ValueError, KeyError, TypeError):
        sentence = f"The board's {name} is damaged: bring it another (umeter deploy)"
        raise BackupError(sentence) from None


def _software(link: Link) -> str | None:
    """Its digest, as the meter tells it; None of a board without any."""
    try:
        return link.run(
            "import umeter\nfrom umeter.hal import software\n"
            "print(software.digest(umeter.__path__))"
        ).strip()
    except LinkError:
        return None

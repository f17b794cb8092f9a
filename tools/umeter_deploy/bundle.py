"""A release of the firmware for one kind of board, as one file: a zip of .mpy files and of the
manifest that lists them, which is what a meter checks them by (net/order_update.py).
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MANIFEST = "manifest.json"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # so that the same firmware makes the same file
_MOST_FILES = 255
_MOST_BYTES = 65_535  # of a file, as the firmware has it


@dataclass(frozen=True)
class Bundle:
    """`files`: (path below the slot, content) in the manifest's order; `manifest` as it travels;
    `journal`: the formats of the journal that the release reads."""

    release: int
    version: str
    board: str
    journal: int
    manifest: bytes
    files: tuple[tuple[str, bytes], ...]

    @property
    def name(self) -> str:
        """The SHA-256 of the manifest, in hexadecimal digits: all that a meter has to be told."""
        return _sha256(self.manifest)

    @property
    def software(self) -> str:
        """What a meter that runs it tells as the digest of its software (hal/software.py)."""
        whole = hashlib.sha256()
        by_folder = sorted(path.removeprefix("umeter/").split("/") for path, _ in self.files)
        content = dict(self.files)
        for parts in by_folder:
            whole.update(parts[-1].encode() + content["/".join(["umeter", *parts])])
        return whole.hexdigest()[:16]


def make(
    release: int, version: str, board: str, journal: int, files: Mapping[str, bytes]
) -> Bundle:
    """ValueError, one sentence, if a meter could not take these files."""
    if not 0 < len(files) <= _MOST_FILES:
        raise ValueError(f"a bundle holds 1 to {_MOST_FILES} files, not {len(files)}")
    for path, content in files.items():
        if not 0 < len(content) <= _MOST_BYTES:
            raise ValueError(f"{path} has {len(content)} bytes; a meter takes {_MOST_BYTES}")
    head = {"release": release, "version": version, "board": board, "journal": journal}
    # A line for each file: the meter reads line by line.
    lines = ",\n".join(
        json.dumps([path, len(content), _sha256(content)], separators=(",", ":"))
        for path, content in files.items()
    )
    opened = json.dumps(head, separators=(",", ":"))[:-1]
    manifest = f'{opened},"files":[\n{lines}\n]}}\n'.encode()
    return Bundle(release, version, board, journal, manifest, tuple(files.items()))


def packed(bundle: Bundle) -> bytes:
    """The bundle file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in ((MANIFEST, bundle.manifest), *bundle.files):
            archive.writestr(zipfile.ZipInfo(path, _LONG_AGO), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def read(path: Path | IO[bytes], name: str = "") -> Bundle:
    """ValueError, one sentence, if that is no bundle, or a file in it is not the manifest's; a
    file that is open already has a `name` there."""
    opened, path = path, name or path
    try:
        with zipfile.ZipFile(opened) as archive:
            manifest = archive.read(MANIFEST)
            document = json.loads(manifest)
            files = {file: archive.read(file) for file, _, _ in document["files"]}
        made = make(*(document[key] for key in ("release", "version", "board", "journal")), files)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no bundle of umeter's firmware ({error})") from None
    if made.manifest != manifest:
        raise ValueError(f"{path} is damaged: its files are not those of its manifest")
    return made


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

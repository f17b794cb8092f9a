"""board.json and site.json: from what somebody wrote to what lies on the board."""

import json
import time
from pathlib import Path
from typing import Any

from umeter_deploy import board_check, site_check
from umeter_deploy.stamp import stamp, unstamped


def read(path: Path) -> Any:
    """The document of a JSON file. ValueError, one sentence, if there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return document if _is_copy(document) else unstamped(document)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def is_site(document: Any) -> bool:
    """Is it meant as a site.json?"""
    return isinstance(document, dict) and not document.keys().isdisjoint(site_check.KEYS)


def board_text(document: Any) -> str:
    """The board.json for the board; of one that was made already, the same again. ValueError, one
    sentence, if the document is not good.
    """
    if _is_copy(document):
        made = stamp(unstamped(document))
        if json.loads(made)["checked"] == document.get("checked"):
            return made
        raise ValueError(
            "this is a copy made for a board, and was changed since; check the board.json that it"
            " was made from"
        )
    document = unstamped(document)
    board_check.check(document)
    return stamp(board_check.for_board(document))


def _is_copy(document: Any) -> bool:
    """Is it what board_text() makes? It lacks what a board needs not, and is not judged anew."""
    return isinstance(document, dict) and "safe" in document


def site_text(document: Any, made_t: int | None = None) -> str:
    """The site.json for the board, defaults filled in. made_t: Unix seconds of the check (now).
    ValueError, one sentence, if the document is not good.
    """
    made_t = int(time.time()) if made_t is None else made_t
    return stamp(site_check.check(unstamped(document), made_t))


def site_files(
    document: Any, folder: Path, made_t: int | None = None
) -> tuple[dict[str, str | bytes], list[str]]:
    """All that a site.json brings to the board, {name: content}, and sentences about what is odd
    but allowed. folder: where the files lie that it names. ValueError, one sentence, if something
    is not good.
    """
    made_t = int(time.time()) if made_t is None else made_t
    written = {"site.json": site_text(document, made_t)}
    if not (document.get("ca") or document.get("client")):
        return written, []
    # Imported for sites with TLS only: it costs more time than all else here.
    from umeter_deploy import tls_files

    der, warnings = tls_files.read(document, folder, made_t)
    return {**written, **der}, warnings


def write(folder: Path, contents: dict[str, str | bytes]) -> None:
    """Write files, {name: content}, that only their owner can read: they hold the meter's key.
    OSError if that fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

"""board.json and site.json: from what somebody wrote to what lies on the board."""

import json
from pathlib import Path
from typing import Any

from umeter_deploy import board_check, site_check
from umeter_deploy.stamp import stamp, unstamped


def read(path: Path) -> Any:
    """The document of a JSON file. ValueError, one sentence, if there is none."""
    try:
        return unstamped(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def is_site(document: Any) -> bool:
    """Is it meant as a site.json?"""
    return isinstance(document, dict) and not document.keys().isdisjoint(site_check.KEYS)


def board_text(document: Any) -> str:
    """The board.json for the board. ValueError, one sentence, if the document is not good."""
    document = unstamped(document)
    board_check.check(document)
    return stamp(document)


def site_text(document: Any) -> str:
    """The site.json for the board, defaults filled in. ValueError, one sentence, if the document
    is not good.
    """
    return stamp(site_check.check(unstamped(document)))


def write(folder: Path, texts: dict[str, str]) -> None:
    """Write files, {name: text}, that only their owner can read: they hold the meter's key.
    OSError if that fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(text.encode())

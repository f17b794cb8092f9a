"""Brings software, board.json and site.json to a board at a serial port.

Only what changed is copied, and into the slot that does not run: whatever ends in the middle, the
board goes on with what it had. What the running slot has already is copied by the board itself.
The digests of all files are compared before the board switches.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from umeter_deploy.link import Link, LinkError
from umeter_deploy.stamp import unstamped
from umeter_sim.paths import FIRMWARE

SLOTS = ("a", "b")
STANDING = ("boot.py", "main.py")
_RUNS, _DOES_NOT = "umeter ", "umeter does not start"
_DATED = "made_t"  # when a site.json was checked: no change of it


@dataclass
class Deployed:
    """What a deployment did. sent: bytes over the cable; files: their number; copied: files that
    the board copied itself; kept: files that were there; slot: which runs now; said: what the
    meter said when it came up.
    """

    sent: int = 0
    files: int = 0
    copied: int = 0
    kept: int = 0
    slot: str = "a"
    said: str = ""


def deploy(
    link: Link,
    software: dict[str, bytes],
    documents: dict[str, bytes],
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> Deployed:
    """software: {path in the slot: content}, see parts.software(). documents: {name: content}, the
    checked board.json and site.json and what belongs to them. progress(done, whole): bytes that
    are to be sent. LinkError, one sentence, if it fails; the board then runs what it had.
    """
    _check_version(link, software)
    done = Deployed()
    running = _running(link)
    there = {slot: _digests(link, slot) for slot in SLOTS}
    wanted = {path: _digest(content) for path, content in software.items()}
    if there[running] == wanted or not there[running]:
        done.slot = running
    else:
        done.slot = SLOTS[1 - SLOTS.index(running)]
    target = there[done.slot]
    missing = [path for path in wanted if target.get(path) != wanted[path]]
    at_home = {digest: path for path, digest in there[running].items()}
    to_copy = [path for path in missing if wanted[path] in at_home and done.slot != running]
    to_send = {f"{done.slot}/{path}": software[path] for path in missing if path not in to_copy}
    renamed = _changed(link, {**_standing(), **documents})
    to_send.update({f"{name}.new": content for name, content in renamed.items()})
    done.kept = len(wanted) - len(missing)
    whole = sum(map(len, to_send.values()))

    def sent(count: int) -> None:
        done.sent += count
        progress(done.sent, whole)

    progress(0, whole)
    for path in target.keys() - wanted.keys():
        link.run(f"os.remove({f'{done.slot}/{path}'!r})")
    for path in to_copy:
        link.run(f"_copy({f'{running}/{at_home[wanted[path]]}'!r}, {f'{done.slot}/{path}'!r})")
        done.copied += 1
    for path, content in to_send.items():
        link.write(path, content, sent)
        done.files += 1
    if missing and _digests(link, done.slot) != wanted:
        raise LinkError(_DIFFERS)
    for name, content in renamed.items():
        if link.ask(f"_digest({f'{name}.new'!r})") != _digest(content):
            raise LinkError(_DIFFERS)
    _switch(link, done.slot, list(renamed))
    done.said = _restarted(link)
    return done


_DIFFERS = (
    "What lies on the board is not what was sent; it runs on with what it had: try again, with"
    " another cable if it stays so"
)


def _check_version(link: Link, software: dict[str, bytes]) -> None:
    name, version, takes = link.ask(
        "(lambda i: (i.name, '.'.join(str(n) for n in i.version[:3]),"
        " getattr(i, '_mpy', 0) & 255))(__import__('sys').implementation)"
    )
    ours = next(iter(software.values()))[1]
    if name != "micropython" or takes != ours:
        raise LinkError(
            f"The board's {name} {version} takes .mpy files of version {takes}, these have {ours}:"
            " flash a MicroPython that fits (umeter flash)"
        )


def _running(link: Link) -> str:
    """The slot that boot.py takes, and falls back to."""
    slot, _, word = (link.ask("_read('slot')") or "a good").partition(" ")
    if slot not in SLOTS:
        return SLOTS[0]
    # On trial, and not found good: what is behind it is what is to stay.
    return SLOTS[1 - SLOTS.index(slot)] if word.strip() in ("trial", "tried") else slot


def _digests(link: Link, slot: str) -> dict[str, str]:
    found = link.ask(f"_each({slot!r}, {{}})")
    return {path.removeprefix(slot + "/"): digest for path, digest in found.items()}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _standing() -> dict[str, bytes]:
    return {name: (FIRMWARE / name).read_bytes() for name in STANDING}


def _changed(link: Link, contents: dict[str, bytes]) -> dict[str, bytes]:
    """Those of the files in the root that are not on the board yet."""
    changed = {}
    for name, content in contents.items():
        if link.ask(f"_digest({name!r})") == _digest(content):
            continue
        if name.endswith(".json") and _same(link.ask(f"_read({name!r})"), content):
            continue
        changed[name] = content
    return changed


def _same(there: str | None, content: bytes) -> bool:
    try:
        return _undated(json.loads(there or "")) == _undated(json.loads(content))
    except ValueError:
        return False


def _undated(document: Any) -> Any:
    document = unstamped(document)
    return {key: value for key, value in document.items() if key != _DATED}


def _switch(link: Link, slot: str, renamed: list[str]) -> None:
    """All at one go, so that a power cut has little time to come in between."""
    steps = [f"os.rename({f'{name}.new'!r}, {name!r})" for name in renamed]
    if link.ask("_read('slot')") != f"{slot} good":
        steps.insert(0, f"f = open('slot.new', 'w')\nf.write('{slot} good')\nf.close()")
        steps.append("os.rename('slot.new', 'slot')")
    if steps:
        link.run("\n".join(steps))


def _restarted(link: Link) -> str:
    said = []

    def heard(line: str) -> bool:
        if line.startswith(_RUNS):
            said.append(line)
        return bool(said)

    link.restart(heard)
    if said and said[0].startswith(_DOES_NOT):
        raise LinkError(f"The board has the new software, but {said[0]}")
    return said[0] if said else ""

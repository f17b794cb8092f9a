"""Settings, judged by the firmware's own rules: what is bad is refused before it is sent.

The meter judges again; it may run another version of them.
"""

import json
from pathlib import Path
from typing import Any

from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

_firmware = Namespace([SHIMS, FIRMWARE], {}, Path(), print)


class Document:
    """The settings that a meter reported, {key: value}, empty before it has; and what would
    become of them."""

    def __init__(self, reported: dict[str, Any], channels: int) -> None:
        self._settings = _firmware.load("umeter.settings").Settings(channels)
        defaults = self._settings.to_dict()
        self.names = [key for key in defaults if key != "version"]
        own = {key: v for key, v in reported.items() if v is not None and v != defaults.get(key)}
        version = own.pop("version", 0)
        # What this firmware does not know, or would not allow, is left out by it.
        self._settings.from_json(json.dumps({"version": version, "set": own}).encode())
        # The firmware reads its document anew for every question.
        self._found: dict[tuple[str, int | None], Any] = {}

    def get(self, name: str, ch: int | None = None) -> Any:
        """What is in force, at the site or at a channel (1 ..)."""
        if (name, ch) not in self._found:
            self._found[name, ch] = self._settings.get(name, None if ch is None else ch - 1)
        return self._found[name, ch]

    def value(self, key: str) -> Any:
        """The same for a key as it is ordered, as ch.3.limit_w."""
        ch, name = split(key)
        return self.get(name, ch)

    def apply(self, changes: dict[str, Any]) -> dict[str, str]:
        """Take a change over as a meter would. Returns {key: sentence} of what it refuses."""
        accepted, refused = self._settings.check(changes)
        self._settings.apply(accepted, self._settings.version)
        self._found.clear()
        return refused


def split(key: str) -> tuple[int | None, str]:
    """(channel or None, name) of a setting's key."""
    if not key.startswith("ch."):
        return None, key
    ch, _, name = key[3:].partition(".")
    return (int(ch) if ch.isascii() and ch.isdigit() else None), name

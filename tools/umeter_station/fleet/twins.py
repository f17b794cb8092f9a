"""A meter's settings as they are in force, from the document that it has reported."""

import functools
from typing import Any

from umeter_station.firmware_check import Document


@functools.cache
def _defaults() -> Document:
    return Document({}, 1)


@functools.cache
def default(name: str) -> Any:
    return _defaults().value(name)


def in_force(reported: dict[str, Any], name: str, ch: int | None = None) -> Any:
    """At the site or at a channel: its own value, else the site's, else the default."""
    if ch is not None:
        own = reported.get(f"ch.{ch}.{name}")
        if own is not None:
            return own
    told = reported.get(name)
    return default(name) if told is None else told

"""The stamp of a checked file: the board believes what carries it, and judges nothing itself.

It tells a file that was checked from one that was not, or was edited since. It keeps nobody out:
who can write to the board's flash can write a stamp too.
"""

import json
from binascii import crc32
from typing import Any

# Part of the sum. Another one as soon as firmware relies on what an older check did not see to.
FORMAT = "3"


def stamp(document: dict[str, Any]) -> str:
    """Compact JSON of an object that is not empty, with `{"checked":"XXXXXXXX",` before all else:
    the CRC-32 of FORMAT and of everything behind that comma, in UTF-8, as 8 hex digits.
    """
    # As it is, not escaped: MicroPython reads an escaped character beyond the BMP wrongly.
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))[1:]
    return '{"checked":"%08x",%s' % (crc32((FORMAT + body).encode()), body)


def unstamped(document: Any) -> Any:
    """The document without the stamp of a check before, if it has one."""
    if not isinstance(document, dict):
        return document
    return {key: value for key, value in document.items() if key != "checked"}

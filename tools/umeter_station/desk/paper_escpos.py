"""A paper as bytes for a receipt printer that speaks ESC/POS, 32 or 48 characters wide.

Texts go out in code page 858 (Latin letters and the euro sign); what it has not is a question
mark, and nothing that a text holds can be taken for a command.
"""

import textwrap

from umeter_station.desk.paper import Line, Paper
from umeter_station.errors import StationError

COLUMNS = (32, 48)
_START = b"\x1b@\x1bt\x13"  # as new; code page 858
_LEFT, _CENTER = b"\x1ba\x00", b"\x1ba\x01"
_BOLD, _PLAIN = b"\x1bE\x01", b"\x1bE\x00"
_END = b"\n\n\n\x1dVB\x00"  # feed, and cut
_MOST_CODE = 200


def render(paper: Paper, columns: int = 48) -> bytes:
    if columns not in COLUMNS:
        raise StationError("A receipt printer here is 32 or 48 characters wide.")
    out = [_START, _CENTER]
    out += [_wrapped(text, columns) for text in paper.header]
    out += [_BOLD, _wrapped(paper.title, columns), _PLAIN]
    if paper.mark:
        out += [_BOLD, _wrapped(f"*** {paper.mark} ***", columns), _PLAIN]
    out.append(_LEFT)
    for line in paper.lines:
        out += (
            [_BOLD, _line(line, columns), _PLAIN] if line.kind == "big" else [_line(line, columns)]
        )
    out.append(_CENTER)
    out += [_wrapped(text, columns) for text in paper.footer]
    if paper.code:
        out.append(_qr(paper.code))
    return b"".join([*out, _END])


def text(paper: Paper, columns: int = 48) -> str:
    """The same for a terminal: without the printer's commands, and without the code."""
    lines = [*paper.header, paper.title, f"*** {paper.mark} ***" if paper.mark else ""]
    shown = [line.center(columns).rstrip() for line in lines if line]
    for line in paper.lines:
        shown.append(_line(line, columns).decode("cp858").rstrip("\n"))
    shown += [piece for line in paper.footer for piece in textwrap.wrap(line, columns) or [""]]
    return "\n".join([*shown, ""])


def _line(line: Line, columns: int) -> bytes:
    if line.kind == "rule":
        return _encoded("-" * columns)
    if line.kind == "text":
        return _wrapped(line.left, columns)
    right = _plain(line.right)[:columns]
    left = textwrap.wrap(_plain(line.left), columns) or [""]
    room = columns - len(left[-1])
    if len(right) + 1 > room:
        left.append("")
        room = columns
    return _encoded("\n".join([*left[:-1], left[-1] + right.rjust(room)]))


def _wrapped(text: str, columns: int) -> bytes:
    return _encoded("\n".join(textwrap.wrap(_plain(text), columns)))


def _plain(text: str) -> str:
    """Printable, on one line: no control character reaches the printer."""
    return "".join(char if char.isprintable() else " " for char in text)


def _encoded(text: str) -> bytes:
    return text.encode("cp858", errors="replace") + b"\n"


def _qr(code: str) -> bytes:
    """Model 2, modules of 5 dots, error correction M: stored, then printed."""
    data = _plain(code).encode("cp858", errors="replace")[:_MOST_CODE]
    length = (len(data) + 3).to_bytes(2, "little")
    return (
        b"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x05\x1d(k\x03\x001E1"
        + b"\x1d(k"
        + length
        + b"1P0"
        + data
        + b"\x1d(k\x03\x001Q0\n"
    )

"""One line of a bank's statement, from whatever file, and what tells it from all others."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from umeter_station.amounts import MICRO
from umeter_station.errors import StationError

_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-"})
_BLANKS = re.compile(r"[\s\u00a0\u202f\u2009'\u2019]+")
_THOUSANDS = {",": ".", ".": ","}


@dataclass(frozen=True)
class Line:
    """`direction`: in or out; only what takes back an earlier credit is out, and that is a
    `reversal`. `bank_id` is the bank's own name of it, if it gives one. `reference` is what the
    bank has read as reference; `matchable` False if nobody can tell whose it is."""

    number: int
    booked_on: str
    direction: str
    amount_u: int
    currency: str
    text: str
    party: str = ""
    bank_id: str = ""
    reference: str = ""
    reversal: bool = False
    matchable: bool = True
    identity: str = ""


def numbered(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines with their identities. Where the bank names none, lines that are alike are told
    apart by which of them it is within the file: files end with a day, not in the middle of it.
    """
    seen: Counter[str] = Counter()
    for line in lines:
        told = [line.booked_on, line.direction, str(line.amount_u), line.currency, line.bank_id]
        if not line.bank_id:
            told += [line.text, line.party, line.reference]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        seen[digest] += 1
        yield replace(line, identity=f"{digest}.{seen[digest]}")


def parse_amount_u(text: str, decimal: str) -> int:
    """A bank's amount in micro-units, exactly, below 0 for what was paid: `decimal` is its decimal
    sign, the other one may group thousands, as may blanks and apostrophes."""
    plain = _BLANKS.sub("", text.translate(_SIGNS))
    sign, digits = _sign(plain)
    whole, _, part = digits.partition(decimal)
    groups = whole.split(_THOUSANDS[decimal])
    grouped = len(groups) == 1 or (
        1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    )
    whole, part = "".join(groups), part.rstrip("0")
    # int() would take signs, blanks and other scripts' digits.
    right = whole.isascii() and whole.isdigit() and (not part or part.isascii())
    if not grouped or not right or (part and not part.isdigit()) or len(part) > 6:
        raise StationError(f"{text!r} is not an amount with {decimal!r} as decimal sign.")
    if digits.endswith(decimal):
        raise StationError(f"{text!r} ends in the middle of an amount.")
    if len(whole) > 12:
        raise StationError(f"{text!r} is more than anybody pays.")
    return sign * (int(whole) * MICRO + int(part.ljust(6, "0") or "0"))


def _sign(text: str) -> tuple[int, str]:
    if text.startswith("(") and text.endswith(")"):
        return -1, text[1:-1]
    for mark, sign in (("-", -1), ("+", 1)):
        if text.startswith(mark):
            return sign, text[1:]
        if text.endswith(mark):
            return sign, text[:-1]
    return 1, text

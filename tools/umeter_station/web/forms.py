"""What forms hold: amounts and moments as people type them, and the key that a form is sent under.

Whatever costs money has a key from when it was shown, so that sent twice it is done once.
"""

import re
from datetime import datetime, tzinfo
from typing import Annotated

from fastapi import Form

from umeter_station import amounts
from umeter_station.errors import StationError
from umeter_station.web.language import gettext as _

Key = Annotated[str, Form(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Typed = Annotated[str, Form(max_length=40)]
Sentence = Annotated[str, Form(max_length=200)]
Tick = Annotated[str, Form(max_length=3)]
Bank = Annotated[str, Form(pattern=r"^[A-Za-z0-9_.-]{0,32}$")]

# With a comma only what cannot mean a thousand.
_COMMA = re.compile(r"([0-9]+),([0-9]{1,2})")


def amount_u(text: str) -> int:
    """ "12", "12.50" or "12,50" in micro-units. Raises StationError for everything else."""
    text = text.strip()
    comma = _COMMA.fullmatch(text)
    try:
        return amounts.parse_decimal_u(f"{comma[1]}.{comma[2]}" if comma else text)
    except StationError:
        raise StationError(
            _("“%(text)s” is not an amount; write it as 12 or 12.50.") % {"text": text}
        ) from None


def moment_s(text: str, zone: tzinfo, otherwise_s: int) -> int:
    """What a field for date and time, or for a date, holds, in the station's zone; `otherwise_s`
    if it is empty. Raises StationError."""
    text = text.strip()
    if not text:
        return otherwise_s
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())
    except (ValueError, OverflowError):
        raise StationError(
            _("“%(text)s” is not a date; write it as 2026-03-31 or 2026-03-31T12:00.")
            % {"text": text}
        ) from None

"""Pages of a list: `limit`, and a cursor that names the place to go on from.

A cursor is opaque to its bearer, but no secret: what it holds is checked like every other input,
and it opens nothing, since each page asks for the caller's own things again. Use:

    after = page.after(int)  # None, or (id,)
    rows = conn.execute(query.where(c.id > after[0] if after else True).limit(page.limit + 1))
    return page.of(rows.all(), key=lambda row: (row.id,), make=Out.of)
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from umeter_station.api.problems import refuse

T = TypeVar("T")
R = TypeVar("R")

MOST = 200
_MAX_CURSOR_CHARS = 512
_LARGEST = (1 << 63) - 1


class Page(BaseModel, Generic[T]):
    """`next`: the cursor of the page after this; null at the end."""

    items: list[T]
    next: str | None = None


def encode(*values: int | str) -> str:
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """Raises ValueError if it is not what encode() makes of such values."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        values = json.loads(text)
    except (binascii.Error, RecursionError, ValueError) as error:
        raise ValueError("no cursor") from error
    if type(values) is not list or [type(value) for value in values] != list(kinds):
        raise ValueError("a cursor of something else")
    for value in values:
        if type(value) is int and not -_LARGEST <= value <= _LARGEST:
            raise ValueError("a number that no row has")
        if type(value) is str and "\0" in value:
            raise ValueError("a text that no row has")
    # A second spelling of the same place would be taken, too: it must be ours to the letter.
    if encode(*values) != cursor:
        raise ValueError("no cursor of ours")
    return tuple(values)


@dataclass(frozen=True)
class Paging:
    limit: int
    cursor: str | None = None

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """Where the page before this ended, as values of these types; None on the first page.
        Raises a 400 problem for what is no cursor of this list."""
        if self.cursor is None:
            return None
        try:
            return decode(self.cursor, *kinds)
        except (ValueError, UnicodeError):
            raise refuse(400, "That cursor is not one of this list; begin without.") from None

    def of(
        self,
        rows: Sequence[R],
        key: Callable[[R], tuple[int | str, ...]],
        make: Callable[[R], Any] = lambda row: row,
    ) -> dict[str, Any]:
        """A page of `limit + 1` rows that were asked for, in their order; `key` is what after()
        gets of the last, `make` what is shown of each."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return {
            "items": [make(row) for row in shown],
            "next": encode(*key(shown[-1])) if more else None,
        }


def _paging(
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[str | None, Query(max_length=_MAX_CURSOR_CHARS)] = None,
) -> Paging:
    return Paging(limit, cursor)


PageDep = Annotated[Paging, Depends(_paging)]

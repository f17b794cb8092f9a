"""A bank's CSV file, by its profile. Every line is read or named: none is left out in silence but
what was paid out, empty lines, and what stands below the last booking (a line without date).
"""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import BinaryIO

from umeter_station.errors import StationError
from umeter_station.pay.bank_lines import Line, parse_amount_u
from umeter_station.pay.bank_profile import Profile


def read(file: BinaryIO, profile: Profile) -> Iterator[Line]:
    """Raises StationError that names the line."""
    text = io.TextIOWrapper(file, encoding=profile.encoding, newline="")
    rows = csv.reader(text, delimiter=profile.delimiter, quotechar=profile.quote, strict=True)
    try:
        # The lines above the header need not be CSV.
        for _ in range(profile.skip):
            text.readline()
        pick = _picker(next(rows, []), profile)
        for row in rows:
            line = _line(row, pick, profile, rows.line_num + profile.skip)
            if line is not None:
                yield line
    except (UnicodeDecodeError, csv.Error) as error:
        what = f"is not {profile.encoding}" if isinstance(error, UnicodeDecodeError) else error
        raise StationError(
            f"Behind line {rows.line_num + profile.skip} the file cannot be read ({what}); look"
            " at encoding and quote in the bank's profile."
        ) from None
    finally:
        # Else the wrapper would close the file, which is read twice.
        with suppress(ValueError):
            text.detach()


def _picker(header: list[str], profile: Profile) -> Callable[[list[str], str], str]:
    places = {name.strip(): at for at, name in reversed(list(enumerate(header)))}
    for names in profile.columns.values():
        for name in names:
            if name not in places:
                shown = ", ".join(places) or "nothing"
                raise StationError(
                    f"There is no column {name!r} in the file; its first line has {shown}."
                )
    where = {what: [places[name] for name in names] for what, names in profile.columns.items()}

    def pick(row: list[str], what: str) -> str:
        cells = [row[at].strip() for at in where.get(what, []) if at < len(row)]
        return " ".join(cell for cell in cells if cell)

    return pick


def _line(
    row: list[str],
    pick: Callable[[list[str], str], str],
    profile: Profile,
    number: int,
) -> Line | None:
    column = "amount" if "amount" in profile.columns else "credit"
    date, amount = pick(row, "date"), pick(row, column)
    if not date or (column == "credit" and not amount):
        if amount:
            raise StationError(f"Line {number} has an amount but no date.")
        return None
    try:
        booked_on = datetime.strptime(date, profile.date).date().isoformat()
    except ValueError:
        raise StationError(
            f"Line {number}: {date!r} is not a date written as {profile.date}."
        ) from None
    try:
        amount_u = parse_amount_u(amount, profile.decimal)
    except StationError as error:
        raise StationError(f"Line {number}: {error}") from None
    if amount_u <= 0:
        return None
    return Line(
        number=number,
        booked_on=booked_on,
        direction="in",
        amount_u=amount_u,
        currency=pick(row, "currency").upper() or profile.currency,
        text=pick(row, "text"),
        party=pick(row, "party"),
        bank_id=pick(row, "id"),
    )

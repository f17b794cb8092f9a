"""How a bank writes its files: `banks/<name>.toml` in the station's home.

CAMT.053 needs one line, `format = "camt"`; a CSV file needs its columns named:

    format = "csv"
    delimiter = ";"
    decimal = ","
    date = "%d.%m.%Y"
    [columns]
    date = "Buchungstag"
    amount = "Betrag"
    text = ["Verwendungszweck"]
"""

import codecs
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from umeter_station.errors import StationError

FOLDER = "banks"
_NAME = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)
_COLUMNS = {"date", "amount", "credit", "text", "party", "id", "currency"}


@dataclass(frozen=True)
class Profile:
    """`currency` and `iban`, if given: what the file must be of. `columns`: by what they hold, the
    names in the header. `skip`: how many lines are above the header."""

    name: str
    format: str = "camt"
    currency: str = ""
    iban: str = ""
    encoding: str = "utf-8-sig"
    delimiter: str = ";"
    quote: str = '"'
    decimal: str = ","
    date: str = "%Y-%m-%d"
    skip: int = 0
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


def names(home: Path) -> list[str]:
    """Of all banks that have a profile."""
    stems = (path.stem for path in (home / FOLDER).glob("*.toml"))
    return sorted(stem for stem in stems if _NAME.fullmatch(stem))


def load(home: Path, name: str) -> Profile:
    path = home / FOLDER / f"{check_name(name)}.toml"
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise StationError(
            f'Bank {name!r} has no profile; write {path}, for CAMT.053 just format = "camt".'
        ) from None
    except (OSError, ValueError) as error:
        raise StationError(f"{path} cannot be read ({error}); correct it.") from None
    try:
        return parse(name, table)
    except StationError as error:
        raise StationError(f"{path}: {error}") from None


def check_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise StationError(
            f"{name!r} cannot be a bank's name; use small letters, digits and hyphens."
        )
    return name


def parse(name: str, table: dict[str, Any]) -> Profile:
    """Raises StationError for what cannot be a profile."""
    known = set(Profile.__dataclass_fields__) - {"name"}
    for key, value in table.items():
        if key not in known:
            raise StationError(f"there is no key {key!r}; the keys are {sorted(known)}.")
        wanted = {"skip": int, "columns": dict}.get(key, str)
        if type(value) is not wanted:
            raise StationError(f"{key!r} must be a {wanted.__name__}.")
    columns = {what: _names(what, given) for what, given in table.get("columns", {}).items()}
    profile = Profile(check_name(name), **{**table, "columns": columns})
    if profile.format not in ("camt", "csv"):
        raise StationError('format is "camt" or "csv".')
    if profile.format == "csv":
        _check_csv(profile)
    return profile


def _names(what: str, given: Any) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if what not in _COLUMNS:
        raise StationError(f"there is no column {what!r}; they are {sorted(_COLUMNS)}.")
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise StationError(f"column {what!r} must be a name, or a list of names.")
    if what != "text" and len(names) != 1:
        raise StationError(f"column {what!r} is one column.")
    return tuple(names)


def _check_csv(profile: Profile) -> None:
    if "date" not in profile.columns or "text" not in profile.columns:
        raise StationError("columns needs date and text.")
    if ("amount" in profile.columns) == ("credit" in profile.columns):
        raise StationError("columns needs amount, or credit where that has its own column.")
    if profile.decimal not in (",", "."):
        raise StationError('decimal is "," or ".".')
    if len(profile.delimiter) != 1 or len(profile.quote) != 1:
        raise StationError("delimiter and quote are one character each.")
    try:
        codecs.lookup(profile.encoding)
    except LookupError:
        raise StationError(f"there is no encoding {profile.encoding!r}.") from None

"""What meters can be selected by: the names an expression may use, and how their values read."""

import difflib
import functools
import re
from dataclasses import dataclass

from umeter_station.amounts import parse_decimal_u
from umeter_station.errors import StationError
from umeter_station.firmware_check import Document

# {name: (kind, what it is)}; kinds: text, version, int, age (seconds), set (of texts).
FIELDS = {
    "meter": ("text", "its name"),
    "site": ("text", "the house it hangs in"),
    "presence": ("text", "online, offline or unknown"),
    "board": ("text", "what it says it is"),
    "version": ("version", "of its software"),
    "release": ("int", "of its software"),
    "boot": ("int", "how often it has started"),
    "channels": ("int", "how many it has"),
    "seen": ("age", "since anything came from it"),
    "reading_age": ("age", "since its newest reading came"),
    "orders": ("int", "orders that wait for its answer"),
    "findings": ("int", "open findings"),
    "critical": ("int", "open findings that are critical"),
    "finding": ("set", "the rules of its open findings, as A06"),
    "differs": ("int", "settings that are not as they were set"),
    "differs_age": ("age", "since the oldest of them is not"),
    "settings_version": ("int", "of its settings"),
}
# In front of a name of the operator's, of the meter's status, or of a setting.
PREFIXES = {
    "label": "a label, as label.street",
    "status": "what its status says, as status.tls",
    "desired": "a setting as it was set here, as desired.report_s",
    "reported": "a setting as the meter reports it",
}
_CHANNEL = re.compile(r"ch\.([1-9][0-9]?|\*)\.(.+)", re.ASCII)
_AGE = re.compile(r"([0-9]{1,9})(s|min|h|d|w)?", re.ASCII)
_UNITS_S = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800, None: 1}
_INT = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,12}\.[0-9]{1,6}", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})+", re.ASCII)


@dataclass(frozen=True)
class Name:
    """`kind`: as of FIELDS, or "setting" or "any". `source`: field, label, status, desired,
    reported or setting. `ch`: of a channel's setting its number, 0 for any channel."""

    text: str
    kind: str
    source: str
    key: str
    ch: int | None = None


@functools.cache
def setting_names() -> tuple[str, ...]:
    return tuple(Document({}, 1).names)


def known() -> list[str]:
    return [*FIELDS, *(f"{prefix}.NAME" for prefix in PREFIXES), "ch.N.SETTING", *setting_names()]


def find(text: str) -> Name:
    """Raises ValueError, which tells what is known, if there is nothing of that name."""
    if text in FIELDS:
        return Name(text, FIELDS[text][0], "field", text)
    prefix, _, rest = text.partition(".")
    if rest and prefix in ("label", "status"):
        return Name(text, "text" if prefix == "label" else "any", prefix, rest)
    source, key = (prefix, rest) if prefix in ("desired", "reported") else ("setting", text)
    found = _CHANNEL.fullmatch(key)
    ch, name = (None, key) if found is None else (found[1], found[2])
    if name in setting_names():
        return Name(text, "setting", source, name, None if ch is None else int(ch.strip("*") or 0))
    near = difflib.get_close_matches(name, [*FIELDS, *setting_names()], 1)
    hint = f" did you mean {near[0]}?" if near else ""
    raise ValueError(f"{text!r} is not known;{hint} known are {', '.join(known())}")


def value(name: Name, text: str) -> int | str | None:
    """What stands behind an operator, as it is compared. Raises ValueError."""
    if text == "none":
        return None
    if name.kind == "int":
        if not _INT.fullmatch(text):
            raise ValueError(f"{name.text} is compared with a whole number, not {text!r}")
        return int(text)
    if name.kind == "age":
        found = _AGE.fullmatch(text)
        if not found:
            raise ValueError(f"{name.text} is compared with a time as 90s, 15min, 2h or 1d")
        return int(found[1]) * _UNITS_S[found[2]]
    if name.kind in ("setting", "any"):
        if _INT.fullmatch(text):
            return int(text)
        if name.key.endswith(("_u", "_u_per_kwh")) and _DECIMAL.fullmatch(text):
            return _money(text)
    return text


def _money(text: str) -> int:
    try:
        amount_u = parse_decimal_u(text.removeprefix("-"))
    except StationError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return -amount_u if text.startswith("-") else amount_u


def version_of(text: str) -> tuple[int, ...] | None:
    """A dotted version as it is ordered; None if it is none."""
    found = _VERSION.match(text)
    return None if found is None else tuple(int(part) for part in found[0].split("."))

"""From config.toml and the environment to the sections: every value checked, every mistake named.

The environment wins. A secret is never written into config.toml: either its variable holds it, or
`<key>_file` in config.toml or `<VARIABLE>_FILE` names a file that does.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from umeter_station import http_url
from umeter_station.config_keys import PREFIX, SECTIONS, Key, Secret, TimeOfDay, all_keys
from umeter_station.errors import StationError

# The environment's own: the home, and the key that seals (secrets.py).
_OTHER_VARIABLES = (PREFIX + "HOME", PREFIX + "KEY")
_SWITCH = {"true": True, "yes": True, "on": True, "1": True}
_SWITCH |= {"false": False, "no": False, "off": False, "0": False}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def read(
    table: Mapping[str, Any],
    environ: Mapping[str, str],
    home: Path,
    path: Path,
    secrets_there: bool = True,
) -> dict[str, Any]:
    """{section: its dataclass}; "" is the one above the first section. `path` is named in the
    StationError. `secrets_there`: if False, secrets whose files cannot be read are left out."""
    keys = all_keys()
    given = _from_table(table, keys, home, path) | _from_environment(environ, keys, home)
    for name, value in given.items():
        if isinstance(value, _File):
            given[name] = value.read(secrets_there)
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, key in keys.items():
        default = key.default
        if key.kind == "path" and default is not None:
            default = (home / default).absolute()
        values[key.section][key.field] = given.get(name, default)
    return {section: of(**values[section]) for section, of in SECTIONS.items()}


def secret_files(table: Mapping[str, Any], home: Path) -> list[Path]:
    """Those that config.toml names."""
    keys = all_keys()
    return [
        home / value
        for name, value in _flat(table)
        if (key := keys.get(name.removesuffix("_file"))) and key.kind == "secret"
    ]


def _from_table(
    table: Mapping[str, Any], keys: dict[str, Key], home: Path, path: Path
) -> dict[str, Any]:
    given = {}
    for name, value in _flat(table):
        of_file = name.removesuffix("_file")
        if name.endswith("_file") and of_file in keys and keys[of_file].kind == "secret":
            given[of_file] = _File(value, home, f"{path}: {name}")
        elif name not in keys:
            known = [k + "_file" if v.kind == "secret" else k for k, v in keys.items()]
            raise StationError(f"{path} has an unknown key {name!r}; {_nearest(name, known)}.")
        elif keys[name].kind == "secret":
            raise StationError(
                f"{path}: {name} is a secret and does not belong there; put it into"
                f" {keys[name].variable}, or into a file named by {name}_file."
            )
        else:
            given[name] = _checked(keys[name], value, home, f"{path}: {name}")
    return given


def _flat(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    flat = []
    for name, value in table.items():
        if isinstance(value, dict):
            flat += [(f"{name}.{inner}", each) for inner, each in value.items()] or [(name, value)]
        else:
            flat.append((name, value))
    # An empty section is no mistake, an unknown one is.
    return [(name, value) for name, value in flat if not (value == {} and name in SECTIONS)]


def _from_environment(
    environ: Mapping[str, str], keys: dict[str, Key], home: Path
) -> dict[str, Any]:
    by_variable = {key.variable: key for key in keys.values()}
    files = {key.variable + "_FILE": key for key in keys.values() if key.kind == "secret"}
    given = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        if variable in by_variable:
            key = by_variable[variable]
            given[key.name] = _checked(key, _parsed(key, text), home, variable)
        elif variable in files:
            given.setdefault(files[variable].name, _File(text, home, variable))
        else:
            known = [*by_variable, *files, *_OTHER_VARIABLES]
            raise StationError(
                f"The environment has an unknown {variable}; {_nearest(variable, known)}."
            )
    return given


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"did you mean {near[0]!r}? `umeter-station config` lists all"


class _File:
    """A secret's file; only read if no variable of the environment has the secret itself."""

    def __init__(self, value: Any, home: Path, where: str) -> None:
        if not isinstance(value, str) or not value:
            raise StationError(f"{where} must be the path of a file.")
        self._path, self._where = home / value, where

    def read(self, there: bool) -> Secret | None:
        try:
            text = self._path.read_text().strip()
        except (OSError, ValueError):
            if not there:
                return None
            raise StationError(f"{self._where}: {self._path} cannot be read.") from None
        if not text:
            raise StationError(f"{self._where}: {self._path} is empty.")
        return Secret(text)


def _parsed(key: Key, text: str) -> Any:
    """What the environment's text would be in TOML; as it is, if it can be nothing else."""
    if key.kind == "number" and re.fullmatch(r"-?\d{1,18}", text.strip()):
        return int(text)
    if key.kind == "switch":
        return _SWITCH.get(text.strip().lower(), text)
    if key.kind == "texts":
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _checked(key: Key, value: Any, home: Path, where: str) -> Any:
    made = _CHECKS[key.kind](key, value, home)
    if made is None:
        raise StationError(f"{where} must be {_wanted(key)}.")
    return made


def _text(key: Key, value: Any, _home: Path) -> str | None:
    if not isinstance(value, str) or (key.about.choices and value not in key.about.choices):
        return None
    # Where the default is empty, empty means "none".
    return value if value or key.default == "" else None


def _number(key: Key, value: Any, _home: Path) -> int | None:
    if type(value) is not int:
        return None
    least = key.about.least if key.about.least is not None else value
    most = key.about.most if key.about.most is not None else value
    return value if least <= value <= most else None


def _switch(_key: Key, value: Any, _home: Path) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(_key: Key, value: Any, _home: Path) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(value)


def _path(_key: Key, value: Any, home: Path) -> Path | None:
    return (home / value).absolute() if isinstance(value, str) and value else None


def _secret(_key: Key, value: Any, _home: Path) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value else None


def _time(_key: Key, value: Any, _home: Path) -> TimeOfDay | None:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return TimeOfDay(int(found[1]), int(found[2])) if found else None


def _url(_key: Key, value: Any, _home: Path) -> str | None:
    good = isinstance(value, str) and (not value or http_url.is_webhook(value))
    return value if good else None


_CHECKS = {
    "text": _text,
    "number": _number,
    "switch": _switch,
    "texts": _texts,
    "path": _path,
    "secret": _secret,
    "time": _time,
    "url": _url,
}


def _wanted(key: Key) -> str:
    if key.about.choices:
        return "one of " + ", ".join(key.about.choices)
    if key.kind == "number":
        least = "" if key.about.least is None else f" from {key.about.least}"
        most = "" if key.about.most is None else f" to {key.about.most}"
        return f"a number{least}{most}" + (f" ({key.about.unit})" if key.about.unit else "")
    return {
        "text": "a text",
        "switch": "true or false",
        "texts": "a list of texts",
        "path": "the path of a file",
        "secret": "a text",
        "time": "a time of day as 03:30",
        "url": "an http:// or https:// URL without a password",
    }[key.kind]

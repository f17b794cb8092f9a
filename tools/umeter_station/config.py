"""The station's home directory: `config.toml`, the database, and who may read them."""

import json
import os
import re
import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from umeter_station.clock import Clock, FileClock, SystemClock
from umeter_station.errors import StationError

HOME_VARIABLE = "UMETER_STATION_HOME"
_KEYS = {"database", "broker", "clock", "client_id"}
_OPTIONAL = {"key_file", "ca_file"}
_BROKER_LINE = re.compile(r"^broker[ \t]*=.*$", re.MULTILINE)
_TEMPLATE = """\
# The station's settings. Paths are relative to this file.
database = "station.sqlite"
broker = "{broker}"
# "system", or the path of a simulator's clock file
clock = "{clock}"
# The name of this station's lasting session on the broker: one per station.
client_id = "umeter-station-{suffix}"
# What the meters' keys are sealed with in the database; keep a copy, but not beside that.
key_file = "station.key"
# For mqtts://, if the broker's certificate is not signed by a public CA.
# ca_file = "ca.pem"
"""


@dataclass(frozen=True)
class Config:
    """`config.toml` read and checked; `database`, `key_file` and `ca_file` are absolute paths.
    `broker` may hold a password."""

    home: Path
    database: Path
    broker: str = field(repr=False)
    clock: str
    client_id: str
    key_file: Path
    ca_file: Path | None

    def make_clock(self) -> Clock:
        return SystemClock() if self.clock == "system" else FileClock(self.home / self.clock)


def default_home() -> Path:
    return Path(os.environ.get(HOME_VARIABLE) or "station")


def create_home(home: Path, broker: str, clock: str = "system") -> Config:
    """Make the directory and its config.toml, only readable by their owner; keep what is there."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / "config.toml"
    if not path.exists():
        for value in (broker, clock):
            if '"' in value or "\\" in value or "\n" in value:
                raise StationError(
                    f"{without_password(value)!r} cannot stand in config.toml; use a plainer one."
                )
        text = _TEMPLATE.format(broker=broker, clock=clock, suffix=secrets.token_hex(4))
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    return load(home)


def load(home: Path) -> Config:
    """Read `home/config.toml`. Raises StationError if it is missing or wrong."""
    path = home / "config.toml"
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise StationError(
            f"There is no station in {home}; make one with `umeter-station --home {home} init`,"
            f" or name its directory with --home or {HOME_VARIABLE}."
        ) from None
    except (OSError, ValueError) as error:
        raise StationError(f"{path} cannot be read ({error}); correct it.") from None
    unknown = sorted(set(table) - _KEYS - _OPTIONAL)
    if unknown:
        known = ", ".join(sorted(_KEYS | _OPTIONAL))
        raise StationError(f"{path} has an unknown key {unknown[0]!r}; the keys are {known}.")
    for key in sorted(_KEYS | (_OPTIONAL & set(table))):
        if not isinstance(table.get(key), str) or not table[key]:
            raise StationError(f"{path} needs a text for {key!r}; add it.")
    if "://" in table["database"]:
        raise StationError(f"{path} must name an SQLite file as database; URLs are not known.")
    return Config(
        home=home,
        database=(home / table["database"]).absolute(),
        broker=table["broker"],
        clock=table["clock"],
        client_id=table["client_id"],
        # Homes of older stations have no such line.
        key_file=(home / table.get("key_file", "station.key")).absolute(),
        ca_file=(home / table["ca_file"]).absolute() if "ca_file" in table else None,
    )


def set_broker(home: Path, url: str) -> None:
    """Write another broker into `home/config.toml`, and leave all else as it is. Raises
    StationError if it cannot be done."""
    path = home / "config.toml"
    # A function, so that nothing in the URL is taken for a group's number.
    text, found = _BROKER_LINE.subn(lambda _: "broker = " + json.dumps(url), path.read_text())
    if found != 1 or tomllib.loads(text)["broker"] != url:
        raise StationError(f'{path} must have one line broker = "..."; write it so.')
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise StationError(f"{path} cannot be written ({error.strerror}).") from None


def without_password(url: str) -> str:
    """A broker's URL as it may be shown."""
    scheme, mark, rest = url.partition("://")
    return scheme + mark + rest.rpartition("@")[2]

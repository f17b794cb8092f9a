"""The station's home directory: `config.toml`, the database, and who may read them."""

import os
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path

from umeter_station.clock import Clock, FileClock, SystemClock
from umeter_station.errors import StationError

HOME_VARIABLE = "UMETER_STATION_HOME"
_KEYS = {"database", "broker", "clock", "client_id"}
_TEMPLATE = """\
# The station's settings. Paths are relative to this file.
database = "station.sqlite"
broker = "{broker}"
# "system", or the path of a simulator's clock file
clock = "{clock}"
# The name of this station's lasting session on the broker: one per station.
client_id = "umeter-station-{suffix}"
"""


@dataclass(frozen=True)
class Config:
    """`config.toml` read and checked; `database` is an absolute path."""

    home: Path
    database: Path
    broker: str
    clock: str
    client_id: str

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
                raise StationError(f"{value!r} cannot stand in config.toml; use a plainer one.")
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
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        known = ", ".join(sorted(_KEYS))
        raise StationError(f"{path} has an unknown key {unknown[0]!r}; the keys are {known}.")
    for key in sorted(_KEYS):
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
    )

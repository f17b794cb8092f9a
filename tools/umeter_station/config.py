"""The station's home directory: `config.toml`, the database, and who may read them."""

import json
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from umeter_station import config_keys as keys
from umeter_station import config_read, db_engines
from umeter_station.broker_url import without_password
from umeter_station.clock import Clock, FileClock, SystemClock
from umeter_station.errors import StationError

HOME_VARIABLE = "UMETER_STATION_HOME"
DATABASE_VARIABLE = "UMETER_STATION_DATABASE"
DEFAULT_DATABASE = "station.sqlite"
_TEMPLATE = """\
# The station's settings; paths are relative to this file. `umeter-station config` lists all keys,
# with their sections; each can also be set by an environment variable, as UMETER_STATION_WEB_PORT.
# An SQLite file, or postgresql://user@host/name with UMETER_STATION_DATABASE_PASSWORD
database = "{database}"
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
    """`config.toml` and the environment, read and checked. `database` is an SQLite file's path or
    a PostgreSQL URL; `broker` and that may hold a password. All paths are absolute."""

    home: Path
    database: Path | str = field(repr=False)
    broker: str = field(repr=False)
    clock: str
    client_id: str
    key_file: Path
    ca_file: Path | None
    web: keys.Web
    mail: keys.Mail
    sms: keys.Sms
    stripe: keys.Stripe
    sandbox: keys.Sandbox
    ingest: keys.Ingest
    homeassistant: keys.HomeAssistant
    jobs: keys.Jobs
    backup: keys.Backup
    log: keys.Log

    def make_clock(self) -> Clock:
        return SystemClock() if self.clock == "system" else FileClock(self.home / self.clock)


def default_home() -> Path:
    return Path(os.environ.get(HOME_VARIABLE) or "station")


def create_home(
    home: Path, broker: str, clock: str = "system", database: str = DEFAULT_DATABASE
) -> Config:
    """Make the directory and its config.toml, only readable by their owner; keep what is there."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / "config.toml"
    if not path.exists():
        for value in (broker, clock, database):
            if '"' in value or "\\" in value or "\n" in value:
                raise StationError(
                    f"{without_password(value)!r} cannot stand in config.toml; use a plainer one."
                )
        text = _TEMPLATE.format(
            database=database, broker=broker, clock=clock, suffix=secrets.token_hex(4)
        )
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    return load(home)


def load(
    home: Path, environ: Mapping[str, str] = os.environ, secrets_there: bool = True
) -> Config:
    """Read `home/config.toml` and the environment. Raises StationError if it is missing or
    wrong. `secrets_there`: if False, secrets whose files cannot be read are left out."""
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
    sections = config_read.read(table, environ, home, path, secrets_there)
    top: keys.Top = sections.pop("")
    return Config(
        home=home,
        database=_database(top, home),
        broker=top.broker,
        clock=top.clock,
        client_id=top.client_id,
        key_file=top.key_file,
        ca_file=top.ca_file,
        **sections,
    )


def _database(top: keys.Top, home: Path) -> Path | str:
    if "://" not in top.database:
        return (home / top.database).absolute()
    url = db_engines.parse(top.database)
    if top.database_password is not None:
        url = url.set(password=top.database_password.reveal())
    return url.render_as_string(hide_password=False)


def set_broker(home: Path, url: str) -> None:
    """Write another broker into `home/config.toml`, and leave all else as it is. Raises
    StationError if it cannot be done."""
    _set(home, "broker", url)


def set_database(home: Path, url: str) -> None:
    """The same with another database."""
    _set(home, "database", url)


def _set(home: Path, name: str, value: str) -> None:
    path = home / "config.toml"
    line = re.compile(rf"^{name}[ \t]*=.*$", re.MULTILINE)
    # A function, so that nothing in the value is taken for a group's number.
    text, found = line.subn(lambda _: f"{name} = {json.dumps(value)}", path.read_text())
    if found != 1 or tomllib.loads(text)[name] != value:
        raise StationError(f'{path} must have one line {name} = "..."; write it so.')
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise StationError(f"{path} cannot be written ({error.strerror}).") from None

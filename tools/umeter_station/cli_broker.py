"""`umeter-station broker-config`: writes what Mosquitto needs to know of the meters."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from umeter_deploy import files
from umeter_station import broker_config, config
from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.terminal import err, say


def broker_config_(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option(help="The folder for the files.")],
    tls_cert: Annotated[Path | None, typer.Option(help="The broker's certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The key of that, PEM.")] = None,
    ca: Annotated[
        Path | None, typer.Option(help="Every client needs a certificate signed by this CA, PEM.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="[8883 with TLS, 1883 without]")] = None,
    local_port: Annotated[
        int | None, typer.Option(help="One more without TLS, for this machine alone.")
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Where Mosquitto keeps what waits.")
    ] = broker_config.DEFAULT_DATA,
    homeassistant: Annotated[
        Path | None,
        typer.Option(help="Let Home Assistant in; its password is in this file, made if missing."),
    ] = None,
) -> None:
    """Write Mosquitto's configuration, access list and password file."""
    if (tls_cert is None) != (tls_key is None) or (ca is not None and tls_cert is None):
        raise StationError("TLS needs both --tls-cert and --tls-key; --ca goes with them.")
    tls = None if tls_cert is None else broker_config.Tls(tls_cert, tls_key, ca)
    books = Books(ctx.obj)
    with books.db.read() as conn:
        known, without = broker_config.passwords(conn)
    prefix = "" if homeassistant is None else books.config.homeassistant.prefix
    # Before the password is made: a mistake in the options leaves no trace.
    broker_config.contents(to, known, tls, port, local_port, data, prefix)
    user, entry, made = _station_entry(books.config)
    hashes = {user: entry, **known}
    if homeassistant is not None:
        password = _password(homeassistant)
        hashes[broker_config.HOMEASSISTANT_USER] = broker_config.hashed(password)
    contents = broker_config.contents(to, hashes, tls, port, local_port, data, prefix)
    try:
        files.write(to, contents)
    except OSError as error:
        raise StationError(f"{to} cannot be written ({error.strerror}).") from None
    if made:
        say(f"The station's own password is now in {ctx.obj / 'config.toml'}; start it anew.")
    if without:
        err.print(
            f"Without a password, and so shut out: {', '.join(without)}.",
            style="yellow", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if homeassistant is not None:
        say(f"Home Assistant's user is {broker_config.HOMEASSISTANT_USER}.")
    say(
        f"{to / 'mosquitto.conf'} is for Mosquitto; meters that can connect: {len(known)}."
        " It belongs to Mosquitto's user, with acl and passwd beside it."
    )


def _password(path: Path) -> str:
    """What is in the file, or a new one that is put there, for its owner alone."""
    try:
        if path.exists():
            return path.read_text().strip()
        made = broker_config.new_password()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made + "\n")
        return made
    except (OSError, ValueError):
        raise StationError(f"{path} cannot be used; name a file for a password.") from None


def _station_entry(known: config.Config) -> tuple[str, str, bool]:
    """The station's user and hash for the password file; True if they were made just now."""
    url = urlsplit(known.broker)
    if url.username:
        user, made = unquote(url.username), False
        password = unquote(url.password or "")
        if user != broker_config.STATION_USER:
            raise StationError(
                f"The station's user in config.toml must be {broker_config.STATION_USER}, as the"
                " access list has it; change it, or take user and password out to have them made."
            )
    else:
        user, made = broker_config.STATION_USER, True
        password = broker_config.new_password()
        config.set_broker(known.home, known.broker.replace("://", f"://{user}:{password}@", 1))
    return user, broker_config.hashed(password), made

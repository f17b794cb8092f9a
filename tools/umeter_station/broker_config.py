"""Mosquitto's files: who may connect, and that a meter reaches its own subtree only."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.envelope import MAX_TOKEN_BYTES
from umeter_station.errors import StationError
from umeter_station.homeassistant.payload import ROOT as HA_ROOT
from umeter_station.models import meters

# Never a meter's: their names have no dot.
STATION_USER = "umeter.station"
HOMEASSISTANT_USER = "umeter.homeassistant"
DEFAULT_DATA = Path("/var/lib/mosquitto")
_PASSWORD_BYTES = 24
# Mosquitto's own number. More would slow down every connection, and what is hashed is no word that
# could be guessed, but 192 random bits.
_ITERATIONS = 101
_SALT_BYTES = 12

_ACL = f"""\
# The station hears every meter, and gives orders to every meter.
user {STATION_USER}
topic read umeter/+/up/#
topic write umeter/+/down/#

# A meter (%u is the name it has connected with) speaks and hears in its own subtree only.
pattern write umeter/%u/up/#
pattern read umeter/%u/down/#
"""

# `{prefix}`: Home Assistant's discovery prefix.
_HOMEASSISTANT_ACL = f"""
# The station announces every channel to Home Assistant, and hears what that asks for.
user {STATION_USER}
topic write {{prefix}}/device/+/config
topic read {{prefix}}/status
topic write {HA_ROOT}/#
topic read {HA_ROOT}/+/+/disconnect

# Home Assistant reaches no meter: it sees what the station has published, and asks the station.
user {HOMEASSISTANT_USER}
topic readwrite {{prefix}}/#
topic read {HA_ROOT}/#
topic write {HA_ROOT}/+/+/disconnect
"""

_CONF = f"""\
# Made by `umeter-station broker-config`: run it again after meters were added or retired, and send
# Mosquitto a SIGHUP. Mosquitto's user must be able to read these files, and nobody else.
allow_anonymous false
password_file {{folder}}/passwd
acl_file {{folder}}/acl

# What waits for a meter that is away survives a restart.
persistence true
persistence_location {{data}}/
autosave_interval 60
persistent_client_expiration 3m
max_queued_messages 10000
# The station acknowledges what it has stored, many messages at a time: with Mosquitto's own 20 on
# their way there would never be many. To a meter there are never more than 32 orders on theirs.
max_inflight_messages 1000

# The largest is a meter's answer with a piece of its log. Orders are shorter: a meter ends a
# session that brings it more than 4096 bytes, but nobody beside the station can write to it.
message_size_limit {MAX_TOKEN_BYTES}
"""

_LISTENER = """
listener {where}
# Else a meter could connect under another one's client id: that one would be thrown off, and lose
# the orders that wait for it.
use_username_as_clientid true
"""


@dataclass(frozen=True)
class Tls:
    """Files of the listener; with `ca` who connects needs a certificate that this CA signed."""

    cert: Path
    key: Path
    ca: Path | None = None


def new_password() -> str:
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def hashed(password: str) -> str:
    """As it stands in Mosquitto's password file: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    salt_text, digest_text = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"$7${_ITERATIONS}${salt_text}${digest_text}"


def passwords(conn: Connection) -> tuple[dict[str, str], list[str]]:
    """{meter: hash} of the meters in service, and those of them that have no password."""
    rows = conn.execute(
        sa.select(meters.c.meter, meters.c.mqtt_hash)
        .where(meters.c.retired_at.is_(None))
        .order_by(meters.c.meter)
    ).all()
    return {m: h for m, h in rows if h}, [m for m, h in rows if not h]


def contents(
    folder: Path,
    hashes: dict[str, str],
    tls: Tls | None = None,
    port: int | None = None,
    local_port: int | None = None,
    data: Path = DEFAULT_DATA,
    homeassistant: str = "",
) -> dict[str, str]:
    """The files, {name: text}, to lie in `folder`.

    hashes: {user: hash}. port: 8883 with TLS, without it 1883. local_port: one more without TLS,
    for this machine alone. data: where Mosquitto keeps what waits. homeassistant: its discovery
    prefix, if it may connect. Raises StationError for what cannot work.
    """
    if port is None:
        port = 8883 if tls else 1883
    for number in (port, local_port):
        if number is not None and not 0 < number < 65536:
            raise StationError(f"{number} is no port; choose one from 1 to 65535.")
    if port == local_port:
        raise StationError(f"Port {port} cannot be both; choose another for this machine.")
    conf = _CONF.format(folder=folder.absolute(), data=data.absolute())
    conf += _LISTENER.format(where=port)
    if tls is not None:
        conf += _tls_lines(tls, local_port)
    if local_port is not None:
        conf += _LISTENER.format(where=f"{local_port} 127.0.0.1")
    passwd = "".join(f"{user}:{entry}\n" for user, entry in hashes.items())
    acl = _ACL + (_HOMEASSISTANT_ACL.format(prefix=homeassistant) if homeassistant else "")
    return {"mosquitto.conf": conf, "acl": acl, "passwd": passwd}


def _tls_lines(tls: Tls, local_port: int | None) -> str:
    for path in (tls.cert, tls.key, tls.ca):
        if path is not None and not path.is_file():
            raise StationError(f"There is no file {path}; name the one that Mosquitto shall use.")
    lines = f"certfile {tls.cert.absolute()}\nkeyfile {tls.key.absolute()}\ntls_version tlsv1.2\n"
    if tls.ca is None:
        return lines
    if local_port is None:
        raise StationError(
            "With --ca every client needs a certificate, and the station has none; add a"
            " --local-port for it."
        )
    return lines + f"cafile {tls.ca.absolute()}\nrequire_certificate true\n"

"""A broker by its URL: mqtt:// or mqtts://[user[:password]@]host[:port]."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from umeter_station.errors import StationError

if TYPE_CHECKING:  # Commands that speak to no broker do not wait for its import.
    import paho.mqtt.client as mqtt

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class BrokerUrl:
    host: str
    port: int
    is_tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def prepare(self, client: mqtt.Client, ca_file: Path | None) -> None:
        """Give the client its user, and TLS if the URL asks for that; `ca_file`: what the broker's
        certificate is checked by, in place of the public CAs."""
        if self.user:
            client.username_pw_set(self.user, self.password)
        if self.is_tls:
            client.tls_set_context(_tls(ca_file))


def parse(url: str) -> BrokerUrl:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.scheme not in _PORTS or not parts.hostname:
        raise StationError(
            f"{without_password(url)!r} is not a broker; write mqtt://host:port or"
            " mqtts://host:port."
        )
    return BrokerUrl(
        parts.hostname,
        port or _PORTS[parts.scheme],
        parts.scheme == "mqtts",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password or "") if parts.username else None,
    )


def without_password(url: str) -> str:
    """A broker's URL as it may be shown."""
    scheme, mark, rest = url.partition("://")
    return scheme + mark + rest.rpartition("@")[2]


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # An ssl.SSLError is one.
        raise StationError(
            f"{ca_file} cannot be read as a CA's certificate in PEM ({error.strerror or error});"
            " correct ca_file in config.toml."
        ) from None

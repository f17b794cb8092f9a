"""The MQTT client of Home Assistant's bridge.

Its session is a clean one, unlike the ingest's: a wish that was made while the station was away is
not to be granted hours later.
"""

import ssl
from pathlib import Path
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt

from umeter_station.config import without_password
from umeter_station.errors import StationError


def make(broker_url: str, client_id: str, ca_file: Path | None) -> tuple[str, int, mqtt.Client]:
    """(host, port, client) for mqtt:// or mqtts://[user[:password]@]host[:port]."""
    url = urlsplit(broker_url)
    try:
        port = url.port
    except ValueError:
        port = 0
    if url.scheme not in ("mqtt", "mqtts") or not url.hostname or port == 0:
        raise StationError(
            f"{without_password(broker_url)!r} is not a broker; write mqtt://host:port or"
            " mqtts://host:port."
        )
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311
    )
    if url.username:
        client.username_pw_set(unquote(url.username), unquote(url.password or ""))
    if url.scheme == "mqtts":
        client.tls_set_context(_tls(ca_file))
    client.reconnect_delay_set(min_delay=1, max_delay=10)
    return url.hostname, port or (8883 if url.scheme == "mqtts" else 1883), client


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise StationError(
            f"{ca_file} cannot be read as a CA's certificate in PEM; correct ca_file in"
            f" config.toml ({error.strerror or error})."
        ) from None

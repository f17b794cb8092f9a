"""The MQTT client of Home Assistant's bridge.

Its session is a clean one, unlike the ingest's: a wish that was made while the station was away is
not to be granted hours later.
"""

from pathlib import Path

import paho.mqtt.client as mqtt

from umeter_station import broker_url as broker_urls


def make(broker_url: str, client_id: str, ca_file: Path | None) -> tuple[str, int, mqtt.Client]:
    """(host, port, client)"""
    broker = broker_urls.parse(broker_url)
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311
    )
    broker.prepare(client, ca_file)
    client.reconnect_delay_set(min_delay=1, max_delay=10)
    return broker.host, broker.port, client

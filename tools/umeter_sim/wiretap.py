"""Listens on the wire between one meter and its station, and can repeat what it heard."""

import base64
import json
import threading
from typing import NamedTuple

import paho.mqtt.client as mqtt


class HeardCommand(NamedTuple):
    token: bytes
    order: dict


class Wiretap:
    """Everything published below umeter/<meter>/ since it was entered, in the order of arrival."""

    def __init__(self, broker, meter):
        self._broker = broker
        self._root = f"umeter/{meter}/"
        self._heard = []
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="wiretap")
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)

    def __enter__(self):
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        if not self._ready.wait(10):
            raise TimeoutError("the broker did not accept the wiretap in 10 s")
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def count(self, kind):
        """How many messages of a kind ("status", "result", "command", ...) were heard."""
        return len(self._of(kind))

    def first_kind(self):
        """Kind of the first message that the meter sent."""
        with self._lock:
            return next((kind for way, kind, _ in self._heard if way == "up"), None)

    def last_command(self, op):
        for token in reversed(self._of("command")):
            order = _payload(token)
            if order.get("op") == op:
                return HeardCommand(token, order)
        raise LookupError(f"no {op} command was heard")

    def results_of(self, n):
        """The meter's answers to order `n`, in the order of arrival."""
        return [told for token in self._of("result") if (told := _payload(token))["n"] == n]

    def readings(self):
        return [json.loads(message) for message in self._of("reading")]

    def replay(self, command):
        """Publish a command again, to the byte."""
        self._client.publish(self._root + "down/command", command.token, qos=1)

    def _of(self, wanted):
        with self._lock:
            return [message for _, kind, message in self._heard if kind == wanted]

    def _on_connect(self, client, userdata, flags, reason, properties):
        client.subscribe(self._root + "#", qos=1)

    def _on_message(self, client, userdata, message):
        way, _, kind = message.topic[len(self._root) :].partition("/")
        with self._lock:
            self._heard.append((way, kind, message.payload))


def _payload(token):
    body = token.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))

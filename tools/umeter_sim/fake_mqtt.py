"""The MQTT side of net tests: the real umqtt.simple, packets, a broker that does as it is told."""

import json
import os
import struct
import sys
import types

from umeter_sim import paths

OURS = paths.UMQTT / "umqtt" / "simple.py"
_OLD_CONNECT = "def connect(self, clean_session=True):\n        self.sock = socket.socket()\n"
_OLD_END = "        elif op & 6 == 4:\n            assert 0\n"
_NEW_CONNECT = (
    "def connect(self, clean_session=True, timeout=None):\n"
    "        if self.sock:\n            self.sock.close()\n"
    "        self.sock = socket.socket()\n        self.sock.settimeout(timeout)\n"
)


def load_umqtt(newer=False):
    """A fresh umqtt.simple 1.3.4; newer: with what 1.5 to 1.8 changed where the socket is
    concerned. What the environment's UMQTT names is taken in place of both.

    FileNotFoundError if there is none.
    """
    if not OURS.is_file():
        raise FileNotFoundError(f"there is no umqtt.simple at {OURS}: run `make setup`")
    source = OURS.read_text()
    if newer and "UMQTT" not in os.environ:
        source = _as_later(source)
    aliases = {"usocket": types.ModuleType("usocket"), "ustruct": struct}
    aliases["ubinascii"] = __import__("binascii")
    module = types.ModuleType("simple")
    saved = {name: sys.modules.get(name) for name in aliases}
    sys.modules.update(aliases)
    try:
        exec(compile(source, str(OURS), "exec"), module.__dict__)
    finally:
        for name, old in saved.items():
            sys.modules.pop(name)
            if old is not None:
                sys.modules[name] = old
    return module


def _as_later(source):
    for old, new in ((_OLD_CONNECT, _NEW_CONNECT), (_OLD_END, _OLD_END + "        return op\n")):
        if source.count(old) != 1:
            raise ValueError("this is not umqtt.simple 1.3.4")
        source = source.replace(old, new)
    return source


def packet(kind, body):
    """An MQTT packet with its variable-length size."""
    size, n = b"", len(body)
    while True:
        size += bytes([n & 0x7F | (0x80 if n > 0x7F else 0)])
        n >>= 7
        if not n:
            return bytes([kind]) + size + body


def publish(topic, payload, pid=None):
    """A PUBLISH to the board, QoS 1 if it has a pid."""
    head = struct.pack("!H", len(topic)) + topic
    if pid is None:
        return packet(0x30, head + payload)
    return packet(0x32, head + struct.pack("!H", pid) + payload)


class Broker:
    """Answers like an MQTT broker; each habit can be changed. `published`: (topic, payload, qos,
    retain).
    """

    def __init__(self, network):
        self.network = network
        network.peer = self.on_bytes
        self.silent = False
        self.acks = True
        self.pongs = True
        self.answer_ms = 3
        self.before_suback = b""  # what a persistent session had queued
        self.published = []
        self.pids = []
        self.acked_pids = []
        self.connects = []
        self.packets = []
        self._pending = b""

    @property
    def wire(self):
        return self.network.wires[-1]

    def of(self, kind):
        """Payloads published under up/<kind>, decoded where they are JSON."""
        found = [p for topic, p, _, _ in self.published if topic.endswith(b"/up/" + kind.encode())]
        return [json.loads(p) if p[:1] == b"{" else p for p in found]

    def on_bytes(self, wire, data):
        if len(wire.segments) == 1:
            self._pending = b""
        self._pending += data
        while len(self._pending) >= 2:
            size, shift, at = 0, 0, 1
            while True:
                if at >= len(self._pending):
                    return
                size |= (self._pending[at] & 0x7F) << shift
                shift += 7
                at += 1
                if not self._pending[at - 1] & 0x80:
                    break
            if len(self._pending) < at + size:
                return
            kind, body = self._pending[0], self._pending[at : at + size]
            self._pending = self._pending[at + size :]
            self.packets.append(kind)
            if not self.silent:
                self.on_packet(wire, kind, body)

    def on_packet(self, wire, kind, body):
        if kind == 0x10:
            self.connects.append(body)
            wire.arrive(b"\x20\x02\x00\x00", self.answer_ms)
        elif kind == 0x82:
            wire.arrive(self.before_suback + b"\x90\x03" + body[:2] + b"\x01", self.answer_ms)
            self.before_suback = b""
        elif kind == 0xC0 and self.pongs:
            wire.arrive(b"\xd0\x00", self.answer_ms)
        elif kind == 0x40:
            self.acked_pids.append(struct.unpack("!H", body)[0])
        elif kind & 0xF0 == 0x30:
            n = struct.unpack("!H", body[:2])[0] + 2
            qos = kind >> 1 & 3
            payload = body[n + 2 :] if qos else body[n:]
            self.published.append((body[2:n], payload, qos, kind & 1))
            if qos:
                self.pids.append(struct.unpack("!H", body[n : n + 2])[0])
                if self.acks:
                    wire.arrive(b"\x40\x02" + body[n : n + 2], self.answer_ms)

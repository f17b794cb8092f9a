"""Readings of very many meters, without a meter behind them: what the station's ingest is loaded
with.

Each is what a meter of eight channels says once a minute, in the same JSON. Its number, its time,
its energies and its money go on from reading to reading, the rest is that of one of a few kinds of
meters. Made by filling in a text, and put on
the wire as MQTT 3.1.1 at QoS 1 over a few sockets: it takes a small part of what those cost who
read it.
"""

import json
import random
import select
import socket
import struct
import time
from typing import NamedTuple

CHANNELS = 8
KINDS = 64
BOOT = 1
_SOCKETS = 4
# Meters that report one after the other are not neighbours, in a database's index for one.
_STRIDE = 7_919
_TURN_S = 0.01
_BURST = 64
# So many may be sent and not taken by the broker yet.
_AHEAD = 2_000
_CONNACK_BYTES = 4
_PUBACK_BYTES = 4
_END_S = 60.0


class _Kind(NamedTuple):
    """A reading's text; its numbers by channel that grow: what they are at the start, and what is
    added each minute."""

    text: bytes
    start: list[int]
    step: list[int]


class Sent(NamedTuple):
    """`begun_s` by time.monotonic(), which is one for all processes."""

    begun_s: float
    took_s: float


def name(number: int) -> str:
    return f"m{number:06}"


def payload(number: int, seq: int, t: int, event: int = 0, interval: int = 0) -> bytes:
    """The reading `seq` of a meter, made at `t` in Unix seconds; `event` and `interval` are the
    newest in its logs."""
    kind = _KINDS[number % KINDS]
    grown = [a + b * seq for a, b in zip(kind.start, kind.step, strict=True)]
    return kind.text % (seq, t, 60 * seq, event, interval, *grown)


def _kind(number: int) -> _Kind:
    luck = random.Random(number)
    watts = [luck.choice((0, 40, 120, 400, 1500, 2800)) + luck.randrange(40) for _ in range(8)]
    credited_u = [luck.randrange(5_000_000, 2_000_000_000) for _ in watts]
    charged_u = [total_u - luck.randrange(2_000_000, 5_000_000) for total_u in credited_u]
    a_minute_u = [watt * 4 for watt in watts]  # 24 cents a kWh
    columns = {
        "energy_wh": "%d",
        "power_dw": [watt * 10 + luck.randrange(10) for watt in watts],
        "voltage_dv": [luck.randrange(2260, 2360) for _ in watts],
        "current_ma": [watt * 1000 // 230 for watt in watts],
        "credited_total_u": credited_u,
        "charged_total_u": "%d",
        "given_total_u": [0] * CHANNELS,
        "balance_u": "%d",
        "contact": [1] * CHANNELS,
        "claims": [0] * CHANNELS,
        "armed": [0] * CHANNELS,
        "rate": [luck.randrange(1, 3)] * CHANNELS,
        "state": [luck.choice((0, 0, 0, 1)) for _ in watts],
        "days_left": [luck.randrange(1, 40) for _ in watts],
        "age_s": [0] * CHANNELS,
    }
    filled = {k: ["%d"] * CHANNELS if v == "%d" else v for k, v in columns.items()}
    head = dict.fromkeys(("seq", "t", "up_s", "event", "interval"), "%d")
    text = (
        json.dumps({**head, "boot": BOOT, "clock": 1, **filled}, separators=(",", ":"))
        .replace('"%d"', "%d")
        .encode()
    )
    energies_wh = [luck.randrange(10_000, 20_000_000) for _ in watts]
    balances_u = [a - b for a, b in zip(credited_u, charged_u, strict=True)]
    return _Kind(
        text,
        energies_wh + charged_u + balances_u,
        [watt // 60 for watt in watts] + a_minute_u + [-u for u in a_minute_u],
    )


_KINDS = [_kind(number) for number in range(KINDS)]


class Sender:
    """Some sockets to one broker; `send()` may be called again and again."""

    def __init__(self, host: str, port: int) -> None:
        self._lines = [_connected(host, port, f"traffic-{i}") for i in range(_SOCKETS)]
        self._mids = [0] * _SOCKETS
        self._unread = [0] * _SOCKETS  # bytes of acknowledgements that are to come

    def send(self, meters: int, seq: int, count: int, rate: float | None) -> Sent:
        """Publish so many readings of a fleet from number `seq` on, one of every meter before any
        has its next, `rate` a second or as fast as the broker takes them; returns when it has
        acknowledged all. TimeoutError if it does not. `meters`: no multiple of 7919."""
        begun_s, sent = time.monotonic(), 0
        while sent < count:
            due = count
            if rate is not None:
                due = min(count, int((time.monotonic() - begun_s) * rate) + 1)
            if sent == due:
                time.sleep(_TURN_S)
            while sent < due:
                burst = range(sent, min(due, sent + _BURST))
                self._publish(meters, seq, burst)
                sent += len(burst)
                self._read_acks(_AHEAD * _PUBACK_BYTES)
        self._read_acks(0)
        return Sent(begun_s, time.monotonic() - begun_s)

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def _publish(self, meters: int, seq: int, burst: range) -> None:
        now_s = int(time.time())
        packets: list[list[bytes]] = [[] for _ in self._lines]
        for i in burst:
            line = i % _SOCKETS
            self._mids[line] = mid = self._mids[line] % 65_535 + 1
            meter = i * _STRIDE % meters
            topic = b"umeter/m%06d/up/reading" % meter
            body = payload(meter, seq + i // meters, now_s)
            packets[line].append(
                b"\x32%s%s%s%s%s"
                % (
                    _length(4 + len(topic) + len(body)),
                    len(topic).to_bytes(2, "big"),
                    topic,
                    mid.to_bytes(2, "big"),
                    body,
                )
            )
        for number, (line, of_line) in enumerate(zip(self._lines, packets, strict=True)):
            line.sendall(b"".join(of_line))
            self._unread[number] += _PUBACK_BYTES * len(of_line)

    def _read_acks(self, most_bytes: int) -> None:
        """Until no more than so many bytes are to come."""
        end_s = time.monotonic() + _END_S
        while True:
            waits_s = _TURN_S if sum(self._unread) > most_bytes else 0.0
            readable, _, _ = select.select(self._lines, [], [], waits_s)
            for line in readable:
                said = line.recv(65_536)
                if not said:
                    raise ConnectionError("the broker has closed the connection of a publisher")
                self._unread[self._lines.index(line)] -= len(said)
            if sum(self._unread) <= most_bytes:
                return
            if time.monotonic() > end_s:
                raise TimeoutError(f"the broker took no message in {_END_S:.0f} s")


def _connected(host: str, port: int, client_id: str) -> socket.socket:
    line = socket.create_connection((host, port), 5)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Protocol 4, a clean session, no keep-alive.
    body = struct.pack(">H4sBBH", 4, b"MQTT", 4, 2, 0)
    body += len(client_id).to_bytes(2, "big") + client_id.encode()
    line.sendall(b"\x10" + _length(len(body)) + body)
    said = line.recv(_CONNACK_BYTES, socket.MSG_WAITALL)
    if said != b"\x20\x02\x00\x00":
        raise ConnectionError(f"the broker refused a publisher: {said.hex()}")
    return line


def _length(number: int) -> bytes:
    """As MQTT writes it: seven bits in a byte, the lowest first."""
    said = bytearray()
    while number > 127:
        said.append(number & 127 | 128)
        number >>= 7
    said.append(number)
    return bytes(said)

"""paho's client, with messages in bulk.

paho reads a message with five system calls and hundreds of steps, and each acknowledgement costs
two more calls; beside thousands of messages a second that is most of the work. Here what has
arrived is taken from the socket at once. PUBLISH packets of QoS 0 and 1 are cut out of it here,
every other packet is left to paho, and both get whole packets only. The acknowledgements of a
batch are one write.
"""

from collections.abc import Iterable
from typing import NamedTuple

import paho.mqtt.client as mqtt

_AT_ONCE_BYTES = 1 << 18
_KIND = 0xF4  # of a packet's first byte: what it is, and whether it has QoS 2
_PUBLISH = 0x30
_PUBACK = 0x40


class Published(NamedTuple):
    """`topic` is "" if it is no UTF-8, `mid` 0 at QoS 0."""

    topic: str
    payload: bytes
    mid: int
    qos: int


class BulkClient(mqtt.Client):
    """Used with a loop of the caller's own, `take()` in place of paho's loop_read()."""

    is_dry = False  # after that there was nothing more on the socket
    _data = b""
    _at = 0  # what is before it has been dealt with
    _for_paho = b""
    _is_over = False

    def forget(self) -> None:
        """Of a connection that is over."""
        self._data = self._for_paho = b""
        self._at, self._is_over = 0, False

    def take(self, most: int) -> list[Published]:
        """What has come, up to a packet of another kind, which is dealt with in the next call; so
        whatever changes with such a packet has changed before the messages after it are returned.
        [] if nothing has come, or nothing but such a packet."""
        self.is_dry = False
        found = self._cut(most)
        if not found and _bounds(self._data, self._at) is None and not self._is_over:
            self._receive()
            found = self._cut(most)
        if found or self.is_dry:
            return found
        bounds = _bounds(self._data, self._at)
        if bounds is not None or self._is_over:
            end = self._at if bounds is None else bounds[1]
            self._for_paho, self._at = self._data[self._at : end], end
            self.loop_read()
        return found

    def acknowledge(self, mids: Iterable[int]) -> None:
        """Messages of QoS 1 of this connection."""
        acks = [b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids]
        if acks:
            self._packet_queue(_PUBACK, b"".join(acks), 0, 1)

    def _receive(self) -> None:
        try:
            came = super()._sock_recv(_AT_ONCE_BYTES)
        except BlockingIOError:
            self.is_dry = True
            return
        except OSError:
            came = b""
        self._data = self._data[self._at :] + came
        self._at = 0
        self._is_over = not came

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho reads with: the packet that it is given; then, if the connection is over, the
        end."""
        part, self._for_paho = self._for_paho[:bufsize], self._for_paho[bufsize:]
        if not part and not self._is_over:
            raise BlockingIOError
        return part

    def _cut(self, most: int) -> list[Published]:
        """The messages that come next."""
        found: list[Published] = []
        data, at, is_v5 = self._data, self._at, self.protocol == mqtt.MQTTv5
        while len(found) < most:
            bounds = _bounds(data, at)
            if bounds is None or data[at] & _KIND != _PUBLISH:
                break
            message = _message(data, *bounds, data[at] >> 1 & 1, is_v5)
            if message is None:
                break
            found.append(message)
            at = bounds[1]
        self._at = at
        return found


def _bounds(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the packet that begins there has its content, and its end; None if not all of it is
    here. If it can be none, all that is here is its end: paho is to see that."""
    size = shift = 0
    for place in range(at + 1, min(at + 5, len(data))):
        byte = data[place]
        size |= (byte & 127) << shift
        if byte < 128:
            end = place + 1 + size
            return (place + 1, end) if end <= len(data) else None
        shift += 7
    return None if len(data) < at + 5 else (len(data), len(data))


def _message(data: bytes, at: int, end: int, qos: int, is_v5: bool) -> Published | None:
    """None if it is malformed."""
    topic_at = at + 2
    at = topic_at + int.from_bytes(data[at:topic_at], "big")
    body_at = at + 2 * qos
    if topic_at > end or body_at > end:
        return None
    if is_v5:
        # A station asks for nothing that would be in them.
        size = shift = 0
        while body_at < end:
            byte = data[body_at]
            body_at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        body_at += size
        if not shift or body_at > end:
            return None
    try:
        topic = data[topic_at:at].decode()
    except UnicodeDecodeError:
        topic = ""
    mid = int.from_bytes(data[at : at + 2], "big") if qos else 0
    return Published(topic, data[body_at:end], mid, qos)

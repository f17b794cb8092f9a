"""Where MQTT packets begin and end in a stream that comes in pieces."""

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14
_LENGTH_BYTES = 4


class Pieces:
    """One direction of one connection."""

    def __init__(self):
        self._kind = 0
        self._at = 0  # bytes of the present packet that have passed
        self._left = 0  # bytes of it that are still to come, once its length is known
        self._length = 0
        self._in_head = True

    @property
    def between(self):
        """True if the last packet has passed whole, and no other has begun."""
        return self._at == 0

    def split(self, data):
        """Yield (kind, at, piece, ends): so many of the packet's bytes came before `piece`, and is
        it the packet's last? A header's bytes come one by one.
        """
        begin = 0
        while begin < len(data):
            size = 1 if self._in_head else min(self._left, len(data) - begin)
            piece = data[begin : begin + size]
            begin += size
            at = self._at
            self._at += size
            if self._in_head:
                self._head(at, piece[0])
            else:
                self._left -= size
            ends = not self._in_head and self._left == 0
            yield self._kind, at, piece, ends
            if ends:
                self._at, self._in_head = 0, True

    def _head(self, at, byte):
        if at == 0:
            self._kind = byte >> 4
            self._length = 0
            return
        self._length |= (byte & 0x7F) << 7 * (at - 1)
        if not byte & 0x80 or at == _LENGTH_BYTES:
            self._in_head, self._left = False, self._length

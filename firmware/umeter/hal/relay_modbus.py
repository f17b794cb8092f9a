"""A Modbus-RTU relay board on its own UART.

Function 01 reads coils from 0 on, 05 writes one (FF00 closes, 0000 opens) and is answered with the
same eight bytes, 0F writes many. CRC-16/MODBUS, low byte first (MODBUS Application Protocol 1.1b3;
MODBUS over Serial Line 1.02).
"""

from micropython import const

_REQUEST_BYTES = const(8)
_REPLY_MS = const(190)  # two ticks
_PERIOD_MS = const(1000)
_STAGGER_MS = const(500)
_MISSES = const(3)


def make(doc, port):
    """The relays of board.json's `relays`."""
    return ModbusRelays(port(doc["bus"]), *doc["frames"])


def _crc(frame, length):
    crc = 0xFFFF
    for i in range(8 * length):
        if not i & 7:
            crc ^= frame[i >> 3]
        crc = crc >> 1 ^ (crc & 1) * 0xA001
    return crc


class ModbusRelays:
    """uart: `any()`, `read()`, `readinto(buf)`, `write(buf)`, none of which blocks. coils: 0 to
    15, by relay, and `used` their bits. all_off: the frame that opens all contacts, which is sent
    at construction. ask: the one that reads them, head: the first three bytes of its answer.
    order: what writes one, to be filled in. See tools/umeter_deploy/kinds/relay_modbus.py.

    One transaction a tick, openings first. Once a second the coils are read, so that a relay board
    that has restarted gets its contacts back, one each half second. `meter` is told when it does
    not answer or its coils are not as ordered, and when they are again.
    """

    def __init__(self, uart, coils, used, all_off, ask, head, order):
        self.meter = None
        self._uart = uart
        self._coils = coils
        self._ask = bytearray(ask)
        self._head = head
        self._used = used
        self._order = bytearray(order)
        self._answer = bytearray(_REQUEST_BYTES)
        self._wish = self._have = 0  # bits by coil
        self._misses = 0
        self._due = 0  # bytes of the answer that is waited for
        self._wait_ms = _REPLY_MS  # for that, or until the next request
        uart.write(bytearray(all_off))

    def set(self, index, closed):
        """Close (feed the user) or open the contact; the newest wish counts."""
        bit = 1 << self._coils[index]
        self._wish |= bit
        if not closed:
            self._wish ^= bit
        if not self._due:
            self._wait_ms = 0

    def poll(self, dt_ms):
        """Take the answer, send the next request. `dt_ms` is the time since the last call."""
        self._wait_ms -= dt_ms
        if self._due:
            short = self._due - self._uart.any()
            if short > 0 and self._wait_ms > 0:
                return
            self._wait_ms = 0
            good = not short and self._accept()
            self._due = 0
            if not good:
                self._miss(self._misses + 1)
                if self._misses >= _MISSES:
                    self._wait_ms = _PERIOD_MS
                return  # the rest of a garbled answer may still come: let the line fall silent
            differ = self._have ^ self._wish
            if not differ & self._have:
                self._wait_ms = _STAGGER_MS if differ else _PERIOD_MS
        if self._wait_ms <= 0:
            self._send()

    def _accept(self):
        answer = self._answer
        self._uart.readinto(answer)
        if self._due == _REQUEST_BYTES:
            if answer != self._order:
                return False
            self._have ^= 1 << answer[3]
            return True
        if answer[0] << 16 | answer[1] << 8 | answer[2] != self._head or _crc(answer, self._due):
            return False
        have = (answer[3] | answer[4] << 8) & self._used
        if have != self._have:
            self._have = have
            self._miss(_MISSES)
        elif have == self._wish:
            self._miss(0)
        return True

    def _miss(self, count):
        silent = count >= _MISSES
        if silent != (self._misses >= _MISSES):
            self.meter.event("relay.silent" if silent else "relay.back", 0)
        self._misses = count

    def _send(self):
        uart = self._uart
        if uart.any():
            uart.read()  # too late, or from nowhere
        request = self._ask
        self._due = (self._head & 255) + 5
        bits = self._wish ^ self._have
        if bits:
            bits = bits & self._have or bits
            request = self._order
            request[3] = 0
            while not bits & 1:
                bits >>= 1
                request[3] += 1
            request[4] = 255 * (self._wish >> request[3] & 1)
            crc = _crc(request, 6)
            request[6] = crc & 255
            request[7] = crc >> 8
            self._due = _REQUEST_BYTES
        uart.write(request)
        self._wait_ms = _REPLY_MS

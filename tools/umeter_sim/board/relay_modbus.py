"""A Modbus-RTU relay board of sixteen coils with a supply of its own: functions 01, 05 and 0F.
Its coils outlive a restart of the ESP32, not a loss of power.
"""

import struct

from modules import crc16

_COILS = 16


class Device:
    """contact(index, closed) is told of every move. Faults: `dead`; `wrong` and `lost` count the
    answers still to be spoilt, -1 for all; `odd` lacks function 0F.
    """

    baud = 9600
    silence_ms = 4
    turnaround_ms = 18

    def __init__(self, world, relays, contact, state=None):
        self.address = relays["address"]
        self._contact = contact
        self._coils = relays["coils"]
        self.dead = False
        self.wrong = self.lost = 0
        self.odd = False
        self.coils = [False] * _COILS
        for coil, on in enumerate(state or ()):
            self.switch(coil, on)

    def switch(self, coil, on):
        if self.coils[coil] != on:
            self.coils[coil] = on
            if coil in self._coils:
                self._contact(self._coils.index(coil), on)

    def answer(self, frame, count, reply):
        """Write the answer to a request into `reply`: its length, 0 for silence."""
        if self.dead or count < 8 or frame[0] != self.address or crc16(frame, count):
            return 0
        function = frame[1]
        first, value = struct.unpack(">HH", bytes(frame[2:6]))
        size = 6
        if function == 5 and first < _COILS and value in (0, 0xFF00):
            self.switch(first, value != 0)
            reply[:6] = frame[:6]
        elif function == 15 and first + value <= _COILS and not self.odd:
            for i in range(value):
                self.switch(first + i, bool(frame[7 + i // 8] >> i % 8 & 1))
            reply[:6] = frame[:6]
        elif function == 1 and 0 < first + value <= _COILS:
            size = 3 + (value + 7) // 8
            reply[0] = self.address
            reply[1] = function
            reply[2] = size - 3
            reply[3] = reply[4] = 0
            for i in range(value):
                if self.coils[first + i]:
                    reply[3 + i // 8] |= 1 << i % 8
        else:
            reply[0] = self.address
            reply[1] = function | 0x80
            reply[2] = 1 if function not in (1, 5, 15) or self.odd else 2
            size = 3
        if self.wrong:
            self.wrong -= 1 if self.wrong > 0 else 0
            reply[size - 1] ^= 1
        struct.pack_into("<H", reply, size, crc16(reply, size))
        if self.lost:
            self.lost -= 1 if self.lost > 0 else 0
            return 0
        return size + 2

    def let_go(self, power):
        if not power:
            self.brown_out()

    def brown_out(self):
        for coil in range(_COILS):
            self.switch(coil, False)

    def state(self):
        return self.coils

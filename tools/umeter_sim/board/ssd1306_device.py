"""An OLED display of 128 x 64 dots with an SSD1306 on I2C, to its data sheet (rev 1.1, chapters 8
to 10).

After a control byte (0x80: one command, 0x00: commands to the end, 0x40: data to the end) come
commands, or bytes for the memory, each of which is a column of eight dots of a page, the lowest
bit on top. When power comes it is off, and its memory holds anything.
"""

from micropython import const

_PAGES = const(8)
_COLUMNS = const(128)

# How many bytes follow a command that has some.
_FOLLOW = {
    0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1, 0xA3: 2,
    0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip


class Device:
    """I2C face: `address`, write(data) -> bool, read(count) -> bytes. `gddram`: its memory, by
    page, then column. `missing`: it does not acknowledge. `written`: bytes it has taken.
    """

    def __init__(self, world, address):
        self.address = address
        self.missing = False
        self.written = 0
        self.gddram = bytearray(_PAGES * _COLUMNS)
        self.lose_power()

    def lose_power(self):
        """Off and on again; the memory then holds whatever it likes."""
        for i in range(len(self.gddram)):
            self.gddram[i] = i * 151 + i // 7 & 0xFF
        self.is_on = self.is_pumped = self.is_inverted = self.is_all_on = False
        self.is_mirrored = self.is_upside_down = False
        self.contrast = 0x7F
        self._mode = 2  # page addressing
        self._columns = (0, _COLUMNS - 1)
        self._pages = (0, _PAGES - 1)
        self._column = self._page = 0
        self._command = []  # what has come of a command with bytes to follow

    def write(self, data):
        if self.missing:
            return False
        self.written += len(data)
        at = 0
        while at < len(data):
            control = data[at]
            at += 1
            if control & 0x80:  # Co: one byte, then another control byte
                self._take(control, data[at : at + 1])
                at += 1
            else:
                self._take(control, data[at:])
                break
        return True

    def read(self, count):
        """Status: bit 6 is set while the display is off."""
        return None if self.missing else bytes([0 if self.is_on else 0x40]) * count

    def shows(self):
        """What an eye sees, 1024 bytes as `gddram`; all dark if it is off."""
        if not self.is_on or not self.is_pumped:
            return bytes(len(self.gddram))
        seen = bytearray(self.gddram)
        for i in range(len(seen)):
            # Modules are mounted so that both scan directions are the turned ones.
            page, column = divmod(i, _COLUMNS)
            column = column if self.is_mirrored else _COLUMNS - 1 - column
            byte = self.gddram[(page if self.is_upside_down else _PAGES - 1 - page) * 128 + column]
            if not self.is_upside_down:
                byte = sum([(byte >> bit & 1) << 7 - bit for bit in range(8)])
            if self.is_all_on:
                byte = 0xFF
            seen[i] = byte ^ 0xFF if self.is_inverted else byte
        return bytes(seen)

    def _take(self, control, data):
        for byte in data:
            if control & 0x40:
                self._store(byte)
            else:
                self._command.append(byte)
                if len(self._command) > _FOLLOW.get(self._command[0], 0):
                    self._obey(*self._command)
                    self._command = []

    def _store(self, byte):
        self.gddram[self._page * _COLUMNS + self._column] = byte
        if self._mode == 1:  # down, then to the next column
            self._page, carry = _next(self._page, self._pages)
            if carry:
                self._column, _ = _next(self._column, self._columns)
        elif self._mode == 2:  # the page stays
            self._column = (self._column + 1) % _COLUMNS
        else:
            self._column, carry = _next(self._column, self._columns)
            if carry:
                self._page, _ = _next(self._page, self._pages)

    def _obey(self, command, *more):
        if command < 0x10:
            self._column = self._column & 0xF0 | command
        elif command < 0x20:
            self._column = self._column & 0x0F | (command & 7) << 4
        elif command == 0x20:
            self._mode = more[0] & 3
        elif command == 0x21:
            self._columns = (more[0] & 0x7F, more[1] & 0x7F)
            self._column = self._columns[0]
        elif command == 0x22:
            self._pages = (more[0] & 7, more[1] & 7)
            self._page = self._pages[0]
        elif command == 0x81:
            self.contrast = more[0]
        elif command == 0x8D:
            self.is_pumped = bool(more[0] & 4)
        elif command in (0xA0, 0xA1):
            self.is_mirrored = command == 0xA1
        elif command in (0xA4, 0xA5):
            self.is_all_on = command == 0xA5
        elif command in (0xA6, 0xA7):
            self.is_inverted = command == 0xA7
        elif command in (0xAE, 0xAF):
            self.is_on = command == 0xAF
        elif 0xB0 <= command < 0xB8:
            self._page = command & 7
        elif command & 0xF7 == 0xC0:
            self.is_upside_down = command == 0xC8
        elif command not in _FOLLOW and not 0x40 <= command < 0x80:
            raise ValueError("the display has no command 0x%02x" % command)


def _next(at, window):
    """(the next place in a window that begins anew behind its end, whether it did)."""
    return (window[0], True) if at == window[1] else (at + 1, False)

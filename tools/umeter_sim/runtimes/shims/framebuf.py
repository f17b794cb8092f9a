"""MicroPython's `framebuf` for the CPython runtime: one format, and letters that are only alike in
their size, for the font is the interpreter's own. What is drawn can be told apart, not read.
"""

MONO_VLSB = 0


class FrameBuffer:
    """Dots of a buffer: by eight rows, then column, the lowest bit on top."""

    def __init__(self, buffer, width, height, format, stride=None):
        if format != MONO_VLSB:
            raise ValueError("only MONO_VLSB is there")
        if len(buffer) < width * ((height + 7) // 8):
            raise ValueError("the buffer is too small")
        self._buffer = buffer
        self._width = width
        self._height = height

    def fill(self, colour):
        self.fill_rect(0, 0, self._width, self._height, colour)

    def pixel(self, x, y, colour=None):
        if not (0 <= x < self._width and 0 <= y < self._height):
            return None
        at, bit = y // 8 * self._width + x, 1 << y % 8
        if colour is None:
            return 1 if self._buffer[at] & bit else 0
        self._buffer[at] = self._buffer[at] | bit if colour else self._buffer[at] & ~bit
        return None

    def fill_rect(self, x, y, width, height, colour):
        for row in range(y, y + height):
            for column in range(x, x + width):
                self.pixel(column, row, colour)

    def hline(self, x, y, width, colour):
        self.fill_rect(x, y, width, 1, colour)

    def vline(self, x, y, height, colour):
        self.fill_rect(x, y, 1, height, colour)

    def text(self, text, x, y, colour=1):
        """Each character is eight columns: a bar for each bit of its code, on a line; a blank has
        none.
        """
        for letter in text:
            if letter != " ":
                self.hline(x, y + 6, 7, colour)
                for bit in range(7):
                    if ord(letter) >> bit & 1:
                        self.vline(x + bit, y, 6, colour)
            x += 8

    def blit(self, other, x, y, key=-1, palette=None):
        for row in range(other._height):
            for column in range(other._width):
                colour = other.pixel(column, row)
                if colour != key:
                    self.pixel(x + column, y + row, colour)

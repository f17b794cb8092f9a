"""An SSD1306 of 128 x 64 dots, written page by page: at 100 kHz a whole frame takes 0.1 s, a page
of eight rows a tenth of that.
"""

from binascii import crc32

import ssd1306
from micropython import const

_PAGES = const(8)
_COLUMNS = const(128)
_SMALL = const(0x3FFFFFFF)
_AGAIN_MS = const(10_000)
_RENEW_MS = const(60_000)


class Display(ssd1306.SSD1306_I2C):
    """The frame, and which of its pages the display does not have yet, a bit for each in `dirty`.

    It may be missing, come off or come back at any time. It never raises: is_there tells.
    """

    def __init__(self, i2c, address):
        self.is_there = False
        self.dirty = 0
        self._wait_ms = 0
        self._sums = [0] * _PAGES
        try:
            super().__init__(_COLUMNS, _PAGES * 8, i2c, address)
        except OSError:  # not there yet; all but the display itself is set up by then
            pass
        frame = memoryview(self.buffer)
        self._views = [frame[i : i + _COLUMNS] for i in range(0, len(frame), _COLUMNS)]

    def show(self):
        """Not at once, as the library would."""

    def poll(self, dt_ms):
        """Write one page that is dirty. True if the display was set up: the frame is blank then.

        That is done once a minute to one that is there too: what has lost its power or its
        contact for a moment acknowledges, but is dark.
        """
        self._wait_ms -= dt_ms
        try:
            if self._wait_ms <= 0:
                self._wait_ms = _RENEW_MS
                self.init_display()
                self.is_there = True
                self.dirty = (1 << _PAGES) - 1
                return True
            if self.is_there and self.dirty:
                self._write()
        except OSError:
            self.is_there = False
            self._wait_ms = _AGAIN_MS
        return False

    def _write(self):
        page = 0
        while not self.dirty >> page & 1:
            page += 1
        self.write_cmd(ssd1306.SET_COL_ADDR)
        self.write_cmd(0)
        self.write_cmd(_COLUMNS - 1)
        self.write_cmd(ssd1306.SET_PAGE_ADDR)
        self.write_cmd(page)
        self.write_cmd(page)
        self.write_data(self._views[page])
        self.dirty &= ~(1 << page)

    def drawn(self):
        """The frame was drawn anew: see which pages have changed."""
        for page in range(_PAGES):
            total = crc32(self._views[page]) & _SMALL
            if total != self._sums[page]:
                self._sums[page] = total
                self.dirty |= 1 << page

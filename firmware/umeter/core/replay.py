"""The replay window: which command numbers were consumed, and with what outcome.

It lives in the journal alone, where it is committed with what the commands changed.
"""

import struct

from micropython import const

_SIZE = const(64)
_FORMAT = const(1)
_LARGEST_N = const(0x3FFFFFFF)
_TOO_OLD = const(-1)

KEY = "n"  # in the journal


def window_of(journal):
    """The journal's replay window. ValueError if it is of a later format."""
    window = Window()
    record = journal.get(KEY)
    if record:
        window.unpack(record)
    return window


class Window:
    """Remembers the highest number and the outcome of each of the last 64: commands may overtake
    each other on the way.
    """

    def __init__(self):
        self.highest = 0
        self._codes = bytearray(_SIZE)

    def outcome(self, n):
        """0 for a number not consumed yet, its code 1..255 if it was, -1 if it is too old to tell
        (or no number).
        """
        if n <= self.highest - _SIZE or not 0 < n <= _LARGEST_N:
            return _TOO_OLD
        return 0 if n > self.highest else self._codes[n % _SIZE]

    def record(self, n, code):
        """Consume `n`, for which `outcome` gave 0, with a code 1..255."""
        skipped = n - self.highest
        if skipped > 0:
            for i in range(min(skipped, _SIZE)):
                self._codes[(n - i) % _SIZE] = 0
            self.highest = n
        self._codes[n % _SIZE] = code

    def pack(self):
        return struct.pack("<BI", _FORMAT, self.highest) + bytes(self._codes)

    def unpack(self, record):
        """Restore what `pack` gave. ValueError for anything else."""
        if len(record) != 5 + _SIZE or record[0] != _FORMAT:
            raise ValueError("replay window of an unknown format")
        self.highest = struct.unpack_from("<I", record, 1)[0]
        self._codes[:] = record[5:]

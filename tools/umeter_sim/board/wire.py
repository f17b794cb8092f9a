"""One UART's wires with the modules on them: bytes take their time at 9600 baud, answers come when
they come.
"""

from micropython import const

_MASK = const(0x3FFFFFFF)
_BAUD = const(9600)
_SILENCE_MS = const(4)  # 3.5 characters end a Modbus frame
_TURNAROUND_MS = const(18)  # so the first byte of an answer comes 30 ms after the request began
_STALE_MS = const(1000)
_FIFO = const(256)


class Wire:
    """An agent between machine.UART and the modules. Nothing but happen() allocates."""

    def __init__(self, world, modules):
        self.due = -1
        self._world = world
        self._modules = modules
        self._baud = 0
        self._out = bytearray(64)
        self._out_count = 0
        self._out_end = 0
        # What came in: `_there` bytes that can be read, then `_coming` ones still on the wire. Of
        # the present answer `_gone` bytes are read already.
        self._in = bytearray(_FIFO)
        self._there = 0
        self._coming = 0
        self._gone = 0
        self._since = 0
        self._reply = bytearray(64)
        world.attach(self)

    def open(self, baud):
        self._baud = baud
        self._out_count = self._there = self._coming = 0

    def send(self, data):
        """Put bytes on the wire: the number taken. Bytes beyond a frame's length are lost on the
        modules.
        """
        now = self._world.ticks
        count = 0
        for byte in data:
            if self._out_count < len(self._out):
                self._out[self._out_count] = byte
                self._out_count += 1
            count += 1
        begin = now if self.sent() else self._out_end
        self._out_end = (begin + (count * 10000 + _BAUD - 1) // _BAUD) & _MASK
        self._world.wake(self, (self._out_end + _SILENCE_MS + _TURNAROUND_MS) & _MASK)
        return count

    def sent(self):
        return (self._world.ticks - self._out_end) & _MASK < _MASK >> 1

    def pending(self):
        """Number of bytes that have arrived."""
        if self._coming:
            ms = (self._world.ticks - self._since) & _MASK
            arrived = ms * _BAUD // 10000 - self._gone if ms < _STALE_MS else _FIFO
            if arrived < self._coming:
                return self._there + arrived
            self._there += self._coming
            self._coming = 0
        return self._there

    def take(self, buffer, count):
        """Move up to `count` arrived bytes into buffer: their number."""
        arrived = self.pending()
        if count > arrived:
            count = arrived
        fifo = self._in
        for i in range(count):
            buffer[i] = fifo[i]
        for i in range(count, self._there + self._coming):
            fifo[i - count] = fifo[i]
        of_present = count - self._there
        if of_present > 0:
            self._gone += of_present
            self._coming -= of_present
            self._there = 0
        else:
            self._there -= count
        return count

    def happen(self, now):
        """The request has ended and a module has thought about it."""
        self._there += self._coming
        self._coming = self._gone = 0
        if self._baud == _BAUD:
            for module in self._modules:
                if module.address == self._out[0]:
                    self._answer(module, now)
        self._out_count = 0

    def _answer(self, module, now):
        size = module.answer(self._out, self._out_count, self._reply)
        if size > _FIFO - self._there:
            size = _FIFO - self._there
        self._in[self._there : self._there + size] = memoryview(self._reply)[:size]
        self._coming = size
        self._since = now

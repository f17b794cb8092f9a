"""One UART's wires with what hangs on them: bytes take their time, answers come when they come.

A module has answer(frame, count, reply) and `address`, the first byte of frames that are its own,
or None for one that hears all, and maybe `general`, which it hears as well. Where it is no PZEM it
also says `baud`, `silence_ms`, which ends a frame, and `turnaround_ms`, for which it thinks before
it answers. One kind of modules shares a wire; two that speak at once garble each other's answer.
"""

from micropython import const

_MASK = const(0x3FFFFFFF)
_BAUD = const(9600)
_SILENCE_MS = const(4)  # 3.5 characters end a Modbus frame
_TURNAROUND_MS = const(18)  # so the first byte of an answer comes 30 ms after the request began
_STALE_MS = const(1000)
_FIFO = const(256)


class Wire:
    """An agent between machine.UART and the modules. Nothing but happen() allocates.

    What is wrong with the wire itself: `lose` and `garble` count the answers that still lose their
    last byte or have one changed, -1 for all; `late_ms` is how much later they come; `stuck` is
    the byte that an answer consists of when the line does not move, -1 if it does.
    """

    def __init__(self, world, modules):
        self.due = -1
        self.lose = 0
        self.garble = 0
        self.late_ms = 0
        self.stuck = -1
        self._world = world
        self._modules = modules
        first = modules[0] if modules else None
        self._wait_ms = getattr(first, "silence_ms", _SILENCE_MS)
        self._wait_ms += getattr(first, "turnaround_ms", _TURNAROUND_MS)
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
        baud = self._baud or _BAUD
        self._out_end = (begin + (count * 10000 + baud - 1) // baud) & _MASK
        self._world.wake(self, (self._out_end + self._wait_ms) & _MASK)
        return count

    def sent(self):
        return (self._world.ticks - self._out_end) & _MASK < _MASK >> 1

    def pending(self):
        """Number of bytes that have arrived."""
        if self._coming:
            ms = (self._world.ticks - self._since) & _MASK
            if ms > _MASK >> 1:
                return self._there  # late
            arrived = ms * self._baud // 10000 - self._gone if ms < _STALE_MS else _FIFO
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
        to = self._out[0]
        for module in self._modules:
            if self._baud == getattr(module, "baud", _BAUD) and (
                module.address in (None, to) or to == getattr(module, "general", -1)
            ):
                self._answer(module, now)
        self._out_count = 0

    def _answer(self, module, now):
        size = module.answer(self._out, self._out_count, self._reply)
        reply = self._reply
        if size and self._takes("garble"):
            reply[size // 2] ^= 0x24
        if size and self._takes("lose"):
            size -= 1
        if self.stuck >= 0:
            for i in range(size):
                reply[i] = self.stuck
        room = _FIFO - self._there
        if size > room:
            size = room
        begin = self._there
        for i in range(min(size, self._coming)):  # the line is low if anybody pulls it
            reply[i] &= self._in[begin + i]
        if size < self._coming:
            return
        self._in[begin : begin + size] = memoryview(reply)[:size]
        self._coming = size
        self._since = (now + self.late_ms) & _MASK

    def _takes(self, name):
        left = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0

"""The patient socket: what umqtt.simple gets instead of the `socket` module and its sockets.

umqtt.simple waits for ever and knows no turn-taking. Here every connect, read and write polls a
non-blocking socket in slices of at most 20 ms, gives the meter a turn between the slices, and ends
with ETIMEDOUT at a deadline that neither setblocking(True) nor settimeout(None) can move. (On the
ESP32 setblocking(True), which umqtt.simple calls after the first byte of every packet, cancels any
timeout set before.)

Rules of ESP32 sockets relied on: a non-blocking connect raises EINPROGRESS and poll reports
POLLOUT when it is done; read gives None (nothing yet), b"" (closed) or a part; write gives None or
a part.
"""

import errno

from micropython import const

_SLICE_MS = const(20)
_OPERATION_MS = const(10_000)
_CONNECT_MS = const(15_000)
_EXCHANGE_MS = const(30_000)  # one call of umqtt.simple, whatever else the peer sends meanwhile
_SEGMENT = const(1440)  # TCP segment of lwIP on the ESP32
_LARGEST_PACKET = const(4096)  # umqtt.simple allocates whatever length the peer declares


class PatientSocket:
    """The `socket` module and its one socket: `umqtt.simple.socket = PatientSocket(...)`.

    One connection at a time is all there is, so socket() gives this object itself.

    socket, select: the port's modules. turn(): lets the meter work, is called at least every 20 ms
    of any wait and must not raise. clock: ticks_ms(), ticks_diff(a, b), sleep_ms(ms).
    start_thread: `_thread.start_new_thread` where there is one, so that a name server that hangs
    hangs only the thread.

    wrap(raw): what speaks TLS over a TCP connection that stands, to be set before a connect; None
    for none. Its handshake is part of its first reads and writes. too_long: a packet was over
    4 KiB; whoever looks at it sets it back.
    """

    SOCK_STREAM = 1

    def __init__(self, socket, select, turn, clock, start_thread=None):
        self.port = socket
        self.select = select
        self._work = turn
        self.clock = clock
        self._start_thread = start_thread
        self.wrap = None
        self.too_long = False
        self._names = {}  # (host, port) -> what getaddrinfo said last
        self._asked = None  # the (host, port) a thread is resolving now
        self._stale = True  # the name server is to be asked before the next connect
        self._raw = self._tcp = None  # the same, but with TLS
        self._poller = None
        self._gathered = memoryview(bytearray(_SEGMENT))
        self._fill = 0
        self.last_rx_ms = self._turn_ms = self._exchange_ms = clock.ticks_ms()

    def socket(self, *_):
        """A new connection in the place of the last one."""
        self.close()
        self._raw = self.port.socket()
        self._raw.setblocking(False)
        self.setblocking(True)
        return self

    def getaddrinfo(self, host, port, *_):
        """What the port's getaddrinfo says; asked once, then only after a connect has failed.

        Raises OSError if the name was never resolved.
        """
        key = (host, port)
        if self._stale or key not in self._names:
            try:
                self._resolve(key)
            except OSError:
                if key not in self._names:
                    raise
        return self._names[key]

    def _resolve(self, key):
        if self._start_thread is None or key[0].replace(".", "").isdigit():
            self._names[key] = self.port.getaddrinfo(key[0], key[1])
            self._stale = False
            return
        if self._asked is None:  # else the thread of an earlier try still hangs: one is enough
            self._asked = key
            try:
                self._start_thread(self._resolve_in_thread, (key,))
            except Exception:
                self._asked = None
                raise
        start_ms = self.clock.ticks_ms()
        while self._asked is not None:
            self._check(start_ms, _OPERATION_MS)
            self.clock.sleep_ms(_SLICE_MS)
            self.turn()
        if self._stale:
            raise OSError(errno.EHOSTUNREACH)

    def _resolve_in_thread(self, key):
        try:
            self._names[key] = self.port.getaddrinfo(key[0], key[1])
            self._stale = False
        except Exception:  # nobody is above: the waiting side sees that it is still stale
            pass
        self._asked = None

    def begin(self):
        """A new exchange begins: all that is read and written until the next call has 30 s
        together.
        """
        self._exchange_ms = self.clock.ticks_ms()

    def _check(self, start_ms, limit_ms):
        """Raise OSError(ETIMEDOUT) if the operation begun at start_ms, or the exchange, takes too
        long.
        """
        clock = self.clock
        now_ms = clock.ticks_ms()
        if (
            clock.ticks_diff(now_ms, start_ms) >= limit_ms
            or clock.ticks_diff(now_ms, self._exchange_ms) >= _EXCHANGE_MS
        ):
            raise OSError(errno.ETIMEDOUT)

    def turn(self):
        """The meter's turn in a wait."""
        self._work()
        self._turn_ms = self.clock.ticks_ms()

    def settimeout(self, _):
        """The deadlines here are not the caller's to move."""

    def setblocking(self, blocking):
        """False: the next read does not wait for its first byte. For the rest it always does.

        umqtt.simple calls this with True behind the first byte of every packet.
        """
        self._blocking = blocking
        self._packet = 0  # bytes asked for of the packet that is being read

    def connect(self, address):
        """Connect within 15 s, or OSError."""
        self._tcp = raw = self._raw
        mask = self.select.POLLOUT
        try:
            try:
                raw.connect(address)
            except OSError as e:
                if e.args[0] != errno.EINPROGRESS:
                    raise
            self._poller = self.select.poll()
            self._poller.register(raw, mask)
            self._wait(mask, self.clock.ticks_ms(), _CONNECT_MS)
        except OSError:
            self._stale = True  # the broker may have moved
            raise
        if self.wrap is not None:
            self._poller.unregister(raw)
            self._raw = self.wrap(raw)
            self._poller.register(self._raw, mask)

    def _poll(self, mask, wait_ms):
        """The events of `mask` that hold within wait_ms, 0 for none. OSError if the connection is
        broken.
        """
        self._poller.modify(self._raw, mask)
        events = 0
        for entry in self._poller.poll(wait_ms):
            events = entry[1]
        if events >= self.select.POLLERR and not events & self.select.POLLIN:  # or HUP, NVAL
            raise OSError(errno.ECONNRESET)
        return events & mask

    def _wait(self, mask, start_ms, limit_ms=_OPERATION_MS):
        """Until `mask` holds, in slices, each followed by a turn of the meter."""
        while True:
            ready = self._poll(mask, _SLICE_MS)
            self.turn()
            if ready:
                return
            self._check(start_ms, limit_ms)

    def readable(self):
        """True if a read would find something now, be it the end of the connection."""
        return self._raw is not None and self._poll(self.select.POLLIN, 0) != 0

    def read(self, n):
        """Exactly n bytes; None if not blocking and there is nothing. The end of the connection is
        ECONNRESET, a packet of more than 4 KiB ENOMEM.
        """
        self._packet += n
        if n < 0 or self._packet > _LARGEST_PACKET + 1:  # the first byte counts for the last one
            self.too_long = True
            raise OSError(errno.ENOMEM)
        self.flush()
        clock = self.clock
        start_ms = clock.ticks_ms()
        if clock.ticks_diff(start_ms, self._turn_ms) >= _SLICE_MS:
            self.turn()  # data that never ends is a wait too
        self._check(start_ms, _OPERATION_MS)
        data = b""
        while len(data) < n:
            part = self._raw.read(n - len(data))
            if part:
                self.last_rx_ms = clock.ticks_ms()
                data = data + part if data else part
            elif part is not None:
                raise OSError(errno.ECONNRESET)
            elif data or self._blocking:
                self._wait(self.select.POLLIN, start_ms)
            else:
                return None
        return data

    def write(self, data, n=None):
        """Gather n bytes of data (all by default): a packet leaves as one segment, at flush() or
        the next read.
        """
        if n is None:
            n = len(data)
        source = memoryview(data)
        done = 0
        while done < n:
            if self._fill == _SEGMENT:
                self.flush()
            part = min(n - done, _SEGMENT - self._fill)
            self._gathered[self._fill : self._fill + part] = source[done : done + part]
            self._fill += part
            done += part
        return n

    def flush(self):
        """Send what was gathered, within 10 s, or OSError."""
        sent = 0
        start_ms = self.clock.ticks_ms()
        while sent < self._fill:
            self._check(start_ms, _OPERATION_MS)
            n = self._raw.write(self._gathered[sent : self._fill])
            if n:
                sent += n
            else:
                self._wait(self.select.POLLOUT, start_ms)
        self._fill = 0

    def close(self):
        """Drop the connection and what was not sent. Never raises OSError."""
        self._fill = 0
        for sock in (self._raw, self._tcp):  # a TLS socket that failed has let go of its TCP
            if sock is not None:
                try:
                    sock.close()
                except OSError:
                    pass
        self._raw = self._tcp = self._poller = None

"""The module `simhost` of the CPython runtime: real sockets and real time behind the board's
fakes.

Same functions as the Node worker offers MicroPython; where that takes an address, this takes the
buffer.
"""

import errno
import math
import select
import socket
import ssl
import time
import types
from collections.abc import Callable
from dataclasses import dataclass

from umeter_sim.runtimes import tls_peer

READABLE, WRITABLE, FAILED, HUNG_UP = 1, 4, 8, 16
NOTHING = -1
_ERRORS = {errno.ECONNREFUSED: 1, errno.ECONNRESET: 2, errno.EPIPE: 2, errno.ETIMEDOUT: 3}
_UNREACHABLE = 4
_UNANSWERED = (0x30, 0x40, 0xE0)  # see node/tcp_board.mjs
_WITHOUT_FLAGS = 0xF6


@dataclass
class Connection:
    sock: socket.socket
    asked: bool = False
    open: bool = False
    error: int = 0
    tls: tls_peer.Handshake | None = None

    def fail(self, error: OSError) -> None:
        tls = tls_peer.failure(error) if self.tls else 0
        self.error = tls or _ERRORS.get(error.errno or 0, _UNREACHABLE)


class SimHost:
    """One power-up's host. wait(ms) gives the virtual ms that passed; edge(channel, closed)."""

    def __init__(self, wait: Callable[[int], int], edge: Callable[[int, int], None]):
        self.age = [0, 0]
        self.cells: dict[str, bytearray] = {}  # of each flash partition; they outlive a power-up
        self.asked_at = -math.inf  # when something was sent to which no answer has come yet
        self._connections: dict[int, Connection] = {}
        self._contexts: list[tls_peer.Context] = []
        self._last_id = 0
        self._wait = wait
        self._edge = edge

    def module(self) -> types.ModuleType:
        module = types.ModuleType("simhost")
        for name in vars(type(self)):
            if name.startswith(("tcp_", "tls_", "watch_")) or name in ("resolve", "flash_cells"):
                setattr(module, name, getattr(self, name))
        module.wait = self._wait
        module.typed = lambda: 0
        module.edge = self._edge
        return module

    def sockets(self) -> list[socket.socket]:
        return [c.sock for c in self._connections.values() if c.asked and not c.error]

    def connecting(self) -> list[socket.socket]:
        return [c.sock for c in self._connections.values() if c.asked and not c.open]

    def drop_all(self) -> None:
        for connection in self._connections.values():
            connection.sock.close()
        self._connections.clear()

    def watch_clock(self, age) -> None:
        self.age = age

    def flash_cells(self, label: str, size: int) -> bytearray:
        """The cells of a partition: blank when new, else as the last power-up left them."""
        return self.cells.setdefault(label, bytearray(b"\xff" * size))

    def resolve(self, host: str) -> str:
        try:
            return socket.gethostbyname(host)
        except OSError:
            return ""

    def tcp_open(self) -> int:
        self._last_id += 1
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[self._last_id] = Connection(sock)
        return self._last_id

    def tcp_connect(self, number: int, host: str, port: int) -> None:
        connection = self._connections[number]
        connection.asked = True
        code = connection.sock.connect_ex((host, port))
        if code not in (0, errno.EINPROGRESS):
            connection.error = _ERRORS.get(code, _UNREACHABLE)

    def tcp_state(self, number: int) -> int:
        connection = self._connections.get(number)
        if connection is None:
            return FAILED | HUNG_UP
        if connection.error:
            return _of_failure(connection.error)
        if not connection.asked:
            return 0
        if connection.tls:
            return self._tls_state(connection)
        ready, writable, _ = select.select([connection.sock], [connection.sock], [], 0)
        if writable and not connection.open:
            code = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                connection.error = _ERRORS.get(code, _UNREACHABLE)
                return FAILED | HUNG_UP
            connection.open = True
        return (READABLE if ready else 0) | (WRITABLE if writable else 0)

    def _tls_state(self, connection: Connection) -> int:
        tls = connection.tls
        if not tls.done:
            try:
                connection.error = tls.advance()
            except OSError as error:
                connection.fail(error)
            if tls.done:
                self.asked_at = -math.inf
            if connection.error or not tls.done:
                return _of_failure(connection.error)
        ready, writable, _ = select.select([tls.sock], [tls.sock], [], 0)
        readable = ready or tls.sock.pending()
        return (READABLE if readable else 0) | (WRITABLE if writable else 0)

    def tcp_error(self, number: int) -> int:
        return self._connections[number].error if number in self._connections else 0

    def tcp_recv(self, number: int, buffer, size: int) -> int:
        count = self._try(number, lambda sock: sock.recv_into(buffer, size))
        if count >= 0:
            self.asked_at = -math.inf
        return count

    def tcp_send(self, number: int, buffer, size: int) -> int:
        count = self._try(number, lambda sock: sock.send(memoryview(buffer)[:size]))
        if count > 0 and buffer[0] & _WITHOUT_FLAGS not in _UNANSWERED:
            self.asked_at = time.monotonic()
        return count

    def tls_context(self) -> int:
        self._contexts.append(tls_peer.Context())
        return len(self._contexts) - 1

    def tls_load(self, context: int, kind: int, buffer, size: int) -> int:
        return self._contexts[context].load(kind, bytes(memoryview(buffer)[:size]))

    def tls_start(self, number: int, context: int, name: str, unix_s: str, verify: bool) -> None:
        """Begin the handshake on an open connection; tcp_* is what is inside from now on."""
        connection = self._connections[number]
        known = self._contexts[context]
        try:
            connection.tls = tls_peer.Handshake(known, connection.sock, name, int(unix_s), verify)
        except OSError as error:
            connection.fail(error)
            return
        connection.sock = connection.tls.sock
        self.asked_at = time.monotonic()
        self._tls_state(connection)

    def tcp_close(self, number: int) -> None:
        connection = self._connections.pop(number, None)
        if connection:
            connection.sock.close()

    def _try(self, number: int, call: Callable[[socket.socket], int]) -> int:
        connection = self._connections[number]
        if connection.error:
            return -2 - connection.error
        self.tcp_state(number)
        if connection.error:
            return -2 - connection.error
        if not connection.open:
            return -2
        if connection.tls and not connection.tls.done:
            return NOTHING
        try:
            return call(connection.sock)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return NOTHING
        except OSError as error:
            connection.fail(error)
            return -2 - connection.error


def _of_failure(error: int) -> int:
    """The flags of a connection with an error. A handshake that failed waits to be asked why."""
    if error < tls_peer.GARBAGE:
        return FAILED | HUNG_UP if error else 0
    return READABLE | WRITABLE

"""The module `simhost` of the CPython runtime: real sockets and real time behind the board's
fakes.

Same functions as the Node worker offers MicroPython; where that takes an address, this takes the
buffer.
"""

import errno
import math
import select
import socket
import time
import types
from collections.abc import Callable
from dataclasses import dataclass

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


class SimHost:
    """One power-up's host. wait(ms) gives the virtual ms that passed; edge(channel, closed)."""

    def __init__(self, wait: Callable[[int], int], edge: Callable[[int, int], None]):
        self.age = [0, 0]
        self.cells: dict[str, bytearray] = {}  # of each flash partition; they outlive a power-up
        self.asked_at = -math.inf  # when something was sent to which no answer has come yet
        self._connections: dict[int, Connection] = {}
        self._last_id = 0
        self._wait = wait
        self._edge = edge

    def module(self) -> types.ModuleType:
        module = types.ModuleType("simhost")
        for name in vars(type(self)):
            if name.startswith(("tcp_", "watch_")) or name in ("resolve", "flash_cells"):
                setattr(module, name, getattr(self, name))
        module.wait = self._wait
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
            return FAILED | HUNG_UP
        if not connection.asked:
            return 0
        ready, writable, _ = select.select([connection.sock], [connection.sock], [], 0)
        if writable and not connection.open:
            code = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                connection.error = _ERRORS.get(code, _UNREACHABLE)
                return FAILED | HUNG_UP
            connection.open = True
        return (READABLE if ready else 0) | (WRITABLE if writable else 0)

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

    def tcp_close(self, number: int) -> None:
        connection = self._connections.pop(number, None)
        if connection:
            connection.sock.close()

    def _try(self, number: int, call: Callable[[socket.socket], int]) -> int:
        connection = self._connections[number]
        if connection.error:
            return -2 - connection.error
        if not self.tcp_state(number) and not connection.open:
            return -2
        try:
            return call(connection.sock)
        except (BlockingIOError, InterruptedError):
            return NOTHING
        except OSError as error:
            connection.error = _ERRORS.get(error.errno or 0, _UNREACHABLE)
            return -2 - connection.error

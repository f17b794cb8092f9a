"""A TCP proxy of one thread: what it reads on one side it hands to its subclass, which sends what
may pass to the other.
"""

import selectors
import socket
import struct
import threading
from collections import Counter, deque
from concurrent.futures import Future

from umeter_sim.mqtt_pieces import Pieces
from umeter_station.broker import unused_port

UP, DOWN = "up", "down"  # what comes from the board, from the broker
_READ = 65_536
_WATCH_S = 0.004  # real time between two looks at the virtual clock
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST


class Side:
    """One socket of a connection. way: where what it says goes."""

    def __init__(self, sock, way, connection):
        self.sock, self.way, self.connection = sock, way, connection
        self.waiting = bytearray()  # to be written to it
        self.due_ms = 0  # of the next byte written to it, while it dribbles
        self.pieces = Pieces()  # of what it says
        self.counts = Counter()  # of packets it has said, by kind
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Connection:
    """The board's side and the broker's, which is None where the broker is not asked."""

    def __init__(self, board, broker):
        self.board = Side(board, UP, self)
        self.broker = Side(broker, DOWN, self) if broker else None
        self.sides = [side for side in (self.board, self.broker) if side]
        self.answered = False  # with garbage
        self.is_open = True


class TcpProxy:
    """`host`, `port`: where the board finds it. target: (host, port). clock_ms(): the board's
    time. connections: accepted so far.
    """

    def __init__(self, target, clock_ms):
        self.host = "127.0.0.1"
        self.port = unused_port(self.host)
        self.connections = 0
        self._target = target
        self._clock_ms = clock_ms
        self._listener = None
        self._hold = False  # new connections are accepted and left alone
        self._deaf = False  # the target is not asked
        self._byte_ms = 0  # between two bytes to the board; 0: they are not counted
        self._open, self._held = [], []
        self._selector = selectors.DefaultSelector()
        self._tasks = deque()
        self._ending = False
        self._bell, self._ring = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ, self._obey)
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Every connection ends, the port is free."""
        self._do(self._end)
        self._thread.join()

    def _do(self, task, *args):
        """Have the proxy's thread do it: what it returned. All below is on that thread."""
        done = Future()
        self._tasks.append((task, args, done))
        self._ring.send(b"!")
        return done.result(10)

    def _passing(self, side, data):
        """`side` has said `data`."""
        raise NotImplementedError

    def _run(self):
        while not self._ending:
            slow = self._byte_ms and [c.board for c in self._open if c.board.waiting]
            for key, mask in self._selector.select(_WATCH_S if slow else None):
                if isinstance(key.data, Side):
                    self._serve(key.data, mask)
                else:
                    key.data()
            for side in slow or ():
                self._flush(side)
        self._selector.close()
        self._bell.close()
        self._ring.close()

    def _obey(self):
        self._bell.recv(64)
        while self._tasks:
            task, args, done = self._tasks.popleft()
            try:
                done.set_result(task(*args))
            except Exception as error:
                done.set_exception(error)

    def _listen(self):
        if self._listener is None:
            self._listener = socket.create_server((self.host, self.port), backlog=64)
            self._listener.setblocking(False)
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _deafen(self):
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _end(self):
        self._deafen()
        self._reset_all()
        self._ending = True

    def _reset_all(self):
        for connection in self._open + self._held:
            self._close(connection, True)
        self._held.clear()

    def _accept(self):
        if self._listener is None:  # since the select that saw somebody come
            return
        try:
            board, _ = self._listener.accept()
        except OSError:
            return
        self.connections += 1
        broker = None
        if not self._hold and not self._deaf:
            try:
                broker = socket.create_connection(self._target, 5)
            except OSError:
                board.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                board.close()
                return
        connection = Connection(board, broker)
        (self._held if self._hold else self._open).append(connection)
        for side in () if self._hold else connection.sides:
            self._selector.register(side.sock, selectors.EVENT_READ, side)

    def _serve(self, side, mask):
        if mask & selectors.EVENT_WRITE:
            self._flush(side)
        # What was found in the same select may have ended it meanwhile.
        if not mask & selectors.EVENT_READ or side.connection not in self._open:
            return
        try:
            data = side.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            self._close(side.connection, True)
            return
        if data:
            self._passing(side, data)
        else:
            self._close(side.connection, False)

    def _send(self, side, data):
        side.waiting += data
        self._flush(side)

    def _flush(self, side):
        """Write what may be written now."""
        if side.connection not in self._open:
            return
        slow = self._byte_ms and side.way == UP
        try:
            while side.waiting:
                if slow:
                    now_ms = self._clock_ms()
                    if now_ms < side.due_ms:
                        break
                    side.due_ms = now_ms + self._byte_ms
                sent = side.sock.send(side.waiting[:1] if slow else side.waiting)
                del side.waiting[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._close(side.connection, True)
            return
        writes = selectors.EVENT_WRITE if side.waiting and not slow else 0
        self._selector.modify(side.sock, selectors.EVENT_READ | writes, side)

    def _hold_open(self):
        """The connections there are are left alone from now on."""
        for connection in self._open:
            for side in connection.sides:
                self._selector.unregister(side.sock)
        self._held += self._open
        self._open = []

    def _close(self, connection, hard):
        """End both halves; hard: with a RST."""
        if not connection.is_open:
            return
        connection.is_open = False
        if connection in self._open:
            self._open.remove(connection)
            for side in connection.sides:
                self._selector.unregister(side.sock)
        for side in connection.sides:
            if hard:
                side.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            elif side.waiting:
                try:
                    side.sock.send(side.waiting)
                except OSError:
                    pass
            side.sock.close()

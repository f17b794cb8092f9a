"""A proxy between a board and its broker that breaks the connection in every way there is.

    with FaultProxy((broker.host, broker.port), lambda: sim.unix_ms) as proxy:
        proxy.cut_at(DOWN, CONNACK, byte=2)

The methods are called from any thread and have taken effect when they return.
"""

from collections import Counter
from typing import NamedTuple

from umeter_sim.tcp_proxy import DOWN, TcpProxy


class Cut(NamedTuple):
    """The connection breaks after `byte` bytes of its nth packet of a kind, at its end if it is
    shorter. whole: had all of the packet passed by then?
    """

    way: str
    kind: int
    nth: int
    byte: int
    whole: bool = False


class FaultProxy(TcpProxy):
    """heard: packets by (way, kind). cuts: those that have happened. parses: False where the bytes
    are TLS's; then there are no cuts.
    """

    def __init__(self, broker, clock_ms, parses=True):
        self.heard = Counter()
        self.cuts = []
        self._parses = parses
        self._cut = None
        self._sweeping = False
        self._garbage = b""
        super().__init__(broker, clock_ms)

    def heal(self):
        """From now on everything passes. What was silent is reset: its bytes would come late."""
        self._do(self._heal)

    def black_hole(self):
        """Connections are accepted, and nothing is ever answered; those there are, too."""
        self._do(self._silence, True)

    def half_open(self):
        """The connections there are fall silent in both directions; new ones pass."""
        self._do(self._silence, False)

    def dribble(self, byte_ms=1000):
        """What goes to the board goes one byte at a time, so far apart in the board's time."""
        self._do(setattr, self, "_byte_ms", byte_ms)

    def refuse(self):
        """Nobody listens, and the connections there are break."""
        self._do(self._refuse)

    def answer(self, garbage):
        """Whoever connects gets these bytes for his first ones, and nothing else; the connections
        there are break.
        """
        self._do(self._mock, garbage)

    def reset(self):
        """The connections there are break, for both sides."""
        self._do(self._reset_all)

    def cut_at(self, way, kind, nth=1, byte=0):
        """Break the first connection that gets there; see Cut."""
        self._do(self._arm, Cut(way, kind, nth, byte), False)

    def cut_everywhere(self, way, kind, nth=1):
        """Break one connection after the other there, each a byte later, until one gets to the
        packet's end.
        """
        self._do(self._arm, Cut(way, kind, nth, 0), True)

    @property
    def armed(self):
        """Is there a cut still to come?"""
        return self._cut is not None

    def inject(self, data):
        """Say this to the board in the broker's name, between two packets. False if nobody is
        connected.
        """
        return self._do(self._inject, data)

    # On the proxy's own thread.

    def _arm(self, cut, sweeping):
        self._cut, self._sweeping = cut, sweeping

    def _silence(self, new_ones_too):
        self._hold = new_ones_too
        self._hold_open()

    def _refuse(self):
        self._deafen()
        self._reset_all()

    def _mock(self, garbage):
        self._garbage, self._deaf = garbage, True
        self._reset_all()

    def _heal(self):
        for connection in [*self._held, *(c for c in self._open if c.broker is None)]:
            self._close(connection, True)
        self._held.clear()
        self._cut = None
        self._hold = self._deaf = False
        self._byte_ms = 0
        for connection in list(self._open):
            self._flush(connection.board)
        self._listen()

    def _inject(self, data):
        for connection in self._open:
            if connection.broker and connection.broker.pieces.between:
                self._send(connection.board, data)
                return True
        return False

    def _passing(self, side, data):
        connection = side.connection
        if connection.broker is None:
            if not connection.answered:
                connection.answered = True
                self._send(connection.board, self._garbage)
            return
        passing, cut = self._judged(side, data) if self._parses else (data, None)
        self._send(connection.board if side.way == DOWN else connection.broker, passing)
        if cut:
            self.cuts.append(cut)
            further = self._sweeping and not cut.whole
            self._cut = cut._replace(byte=cut.byte + 1) if further else None
            self._close(connection, True)

    def _judged(self, side, data):
        """(what passes of data, the Cut that ends it or None)."""
        passing = bytearray()
        for kind, at, piece, ends in side.pieces.split(data):
            if at == 0:
                side.counts[kind] += 1
                self.heard[side.way, kind] += 1
            cut = self._cut
            if cut and cut[:3] == (side.way, kind, side.counts[kind]):
                left = cut.byte - at
                if ends or left <= len(piece):
                    whole = ends and left >= len(piece)
                    return passing + piece[:left], cut._replace(whole=whole)
            passing += piece
        return passing, None

"""A meter on a network in memory: the real session, patient socket and umqtt.simple, and a broker
that does as it is told.
"""

import json

from umeter_sim.fake_mqtt import Broker, load_umqtt
from umeter_sim.fake_net import Network, VirtualClock
from umeter_sim.link_parts import ABOUT, Wifi, broker_of_site
from umeter_sim.order_board import KEY, TICK_MS, OrderBoard, firmware, sign, verify

NAME = "m1"
DOWN = b"umeter/m1/down/command"
_TURN_MS = 10  # of the loop while there is nothing to do
_Session = firmware.load("umeter.net.session").Session
_PatientSocket = firmware.load("umeter.net.transport").PatientSocket
_SITE = {"meter": NAME, "brokers": [broker_of_site()]}


class LinkRig:
    """`worst_gap_ms`: the longest that the meter had no turn while the link had its own."""

    def __init__(self, newer=False):
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.broker = Broker(self.network)
        self.board = OrderBoard(clock=self.clock, name=NAME)
        self.meter = self.board.meter
        self.worst_gap_ms = 0
        self._umqtt = load_umqtt(newer)
        self._turn_ms = self._tick_ms = self.clock.now_ms
        self._socket = _PatientSocket(self.network, self.network.select, self._turn, self.clock)
        self.begin_session()

    def begin_session(self):
        """A session without a past."""
        self.session = _Session(
            self._umqtt,
            self._socket,
            _SITE,
            self.meter,
            self.board.commands,
            self.clock,
            Wifi(),
            lambda n: 0,
            dict(ABOUT),
        )

    def _turn(self):
        now_ms = self.clock.now_ms
        self.worst_gap_ms = max(self.worst_gap_ms, now_ms - self._turn_ms)
        self._turn_ms = now_ms
        if now_ms - self._tick_ms >= TICK_MS:
            self.meter.tick(now_ms - self._tick_ms, self.clock.when)
            self._tick_ms = now_ms

    def run(self, ms, until=None):
        """The app's loop for at most so long. True if `until` came true."""
        end_ms = self.clock.now_ms + ms
        while self.clock.now_ms < end_ms:
            if until is not None and until():
                return True
            self._turn()
            while self.session.step():
                self._turn()
            self.clock.sleep_ms(_TURN_MS if self.session.connected else TICK_MS)
            self._turn_ms = self.clock.now_ms  # this was not the link's
        return until is not None and until()

    def connected(self):
        """Is there a session in which the meter has said all that it had to say?"""
        session = self.session
        quiet = self.meter.events.peek() is None and not self.meter.reading_due
        return session.connected and quiet

    def answers(self):
        """All results the broker has got, decoded."""
        return [json.loads(verify(KEY, token, 1 << 16)) for token in self.broker.of("result")]

    def token(self, **order):
        return sign(KEY, json.dumps(order).encode())

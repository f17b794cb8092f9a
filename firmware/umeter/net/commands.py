"""Commands of the station: only what carries its signature is looked at.

What commands do (orders.py) and which numbers were used (core's replay.py) is code for a moment
now and then, so it is imported for that moment only.
"""

from umeter.core.transient import forget
from umeter.net import reports
from umeter.net.envelope import sign, verify


class Commands:
    """meter: core's, restored. key: the meter's own key, bytes. clock: `when` and set(when)."""

    def __init__(self, meter, key, clock):
        self._meter = meter
        self._key = key
        self._clock = clock
        self.forged = 0  # tokens whose signature is not the station's
        self.unnumbered = 0  # signed, but without a number that could be answered

    def handle(self, token):
        """The signed result of a command token, or None if there is nobody to answer."""
        payload = verify(self._key, token)
        if payload is None:
            self.forged += 1
            return None
        from umeter.core import replay
        from umeter.net import orders

        try:
            answer = orders.carry_out(payload, self._meter, self._clock)
        finally:
            forget(orders, replay)
        if answer is None:
            self.unnumbered += 1
            return None
        return sign(self._key, reports.encode(answer))

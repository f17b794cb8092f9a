"""Commands of the station: only what carries its signature is looked at.

What it takes to check, to carry out and to answer one is code for a moment now and then
(answer.py), and imported for that moment only. What fails the check has the next one wait: not
even a flood of forgeries takes more than a few checks a second from the meter.
"""

from micropython import const

from umeter.core.transient import run

_LONGEST = const(2048)
_PAUSE_MS = const(200)  # for each failure in a row
_LONGEST_PAUSE_MS = const(5000)
_TELL_S = const(3600)


class Commands:
    """meter: core's, restored. key: the meter's own key, 32 bytes, as it was provisioned; rotated
    since, the journal has the one in force (order_key.py). clock: `when`, set(when), ticks_ms and
    ticks_diff. name: the meter's, for orders that say whom they are meant for.

    ValueError if the journal's keys are of a later format.
    """

    def __init__(self, meter, key, clock, name=""):
        self.meter = meter
        self.key = key
        self.clock = clock
        self.name = name
        self.session = None  # sets itself: an order asks about the link
        self.forged = 0  # tokens whose signature is not the station's, or that are none
        self.unnumbered = 0  # signed, but without a number that could be answered
        self._pause_ms = 0  # after a failure of either kind
        self._failed_ms = 0
        self._told = 0  # of the forged, so many are in an event
        self._tell_s = 0  # of uptime: not before it in another one
        record = meter.get("k")
        self.keys = run("net.order_key", "keys", record, key) if record else (key,)  # newest first

    def ready(self, now_ms):
        """May the next token be looked at? now_ms: the clock's ticks."""
        # Ticks wrap: a failure of last week can lie ahead.
        since_ms = self.clock.ticks_diff(now_ms, self._failed_ms)
        return not 0 <= since_ms < self._pause_ms

    def handle(self, token):
        """The signed result of a command token, or None if there is nobody to answer; that is
        counted.
        """
        result = None
        if len(token) <= _LONGEST and token.count(b".") == 2:
            result = run("net.answer", "answer", self, token)
        else:  # not worth an import
            self.forged += 1
        if result is None:
            self._pause_ms = min(self._pause_ms + _PAUSE_MS, _LONGEST_PAUSE_MS)
            self._failed_ms = self.clock.ticks_ms()
        else:
            self._pause_ms = 0
        news = self.forged - self._told
        up_s = self.meter.up_s
        if news and up_s >= self._tell_s:
            self._told = self.forged
            self._tell_s = up_s + _TELL_S
            self.meter.event("link.forged", 0, news)
        return result

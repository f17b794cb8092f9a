"""Commands of the station: only what carries its signature is looked at.

What it takes to check, to carry out and to answer one is code for a moment now and then
(answer.py), and imported for that moment only.
"""

from umeter.core.transient import run


class Commands:
    """meter: core's, restored. key: the meter's own key, bytes. clock: `when` and set(when)."""

    def __init__(self, meter, key, clock):
        self.meter = meter
        self.key = key
        self.clock = clock
        self.forged = 0  # tokens whose signature is not the station's
        self.unnumbered = 0  # signed, but without a number that could be answered

    def handle(self, token):
        """The signed result of a command token, or None if there is nobody to answer."""
        return run("net.answer", "answer", self, token)

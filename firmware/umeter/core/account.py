"""The money of one channel: two totals that only grow, and their difference.

Totals are pairs (whole units of the currency, micro-units < 1e6), because a micro-unit total
leaves the small ints after 1073 units of the currency.
"""

from micropython import const

_MILLION = const(1_000_000)
_HIGH_END = const(0x3FFFFFFF)


class Account:
    """balance = credited_total - charged_total, in micro-units. It may go below zero."""

    def __init__(self):
        self.credited_hi = 0
        self.credited_lo = 0
        self.charged_hi = 0
        self.charged_lo = 0
        self.configure(0, 0)

    def configure(self, low_credit_u, disable_at_u):
        """Balances at which the credit is low and at which the supply ends, micro-units."""
        # `below` is strict and a threshold counts as reached: one micro-unit more.
        self._low_hi, self._low_lo = divmod(low_credit_u + 1, _MILLION)
        self._out_hi, self._out_lo = divmod(disable_at_u + 1, _MILLION)

    def credit(self, amount_u):
        """Add a purchase. ValueError if it is not positive or more than the total can hold."""
        lo = self.credited_lo + amount_u
        hi = self.credited_hi + lo // _MILLION
        if amount_u <= 0 or hi > _HIGH_END:
            raise ValueError("credit must be positive and the total below 2**30")
        self.credited_hi = hi
        self.credited_lo = lo % _MILLION

    def charge(self, amount_u):
        """Add the price of energy, micro-units."""
        lo = self.charged_lo + amount_u
        self.charged_hi += lo // _MILLION
        self.charged_lo = lo % _MILLION

    def below(self, limit_hi, limit_lo):
        """Is the balance less than a limit (hi * 1e6 + lo micro-units)? Does not allocate."""
        lo = self.credited_lo - self.charged_lo - limit_lo
        return self.credited_hi - self.charged_hi - limit_hi + lo // _MILLION < 0

    def is_low(self):
        return self.below(self._low_hi, self._low_lo)

    def is_out(self):
        return self.below(self._out_hi, self._out_lo)

    # For reports: these numbers are no small ints.

    @property
    def credited_total_u(self):
        return self.credited_hi * _MILLION + self.credited_lo

    @property
    def charged_total_u(self):
        return self.charged_hi * _MILLION + self.charged_lo

    @property
    def balance_u(self):
        return self.credited_total_u - self.charged_total_u

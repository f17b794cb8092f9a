"""The money of one channel: two totals that only grow, and their difference.

Totals are pairs (whole units of the currency, micro-units < 1e6), because a micro-unit total
leaves the small ints after 1073 units of the currency.
"""

from micropython import const

_MILLION = const(1_000_000)
_HIGH_END = const(0x3FFFFFFF)


NEVER_U = const(-(1 << 29) * 1_000_000)  # no balance is that low


def _pair(amount_u):
    """An amount as small ints. divmod() would leave the parts of a long integer long, and the tick
    would allocate for each sum with them.
    """
    return amount_u // _MILLION, amount_u % _MILLION


class Account:
    """balance = credited_total - charged_total, in micro-units. It may go below zero."""

    def __init__(self):
        self.credited_hi = 0
        self.credited_lo = 0
        self.charged_hi = 0
        self.charged_lo = 0
        self.configure(0, 0)
        self.alarm(_HIGH_END * _MILLION)

    def configure(self, out_u, back_u):
        """Balances in micro-units: at out_u and below the supply ends, above back_u (which is not
        lower) it may come back.
        """
        # `below` is strict and a threshold counts as reached: one micro-unit more.
        self._out_hi, self._out_lo = _pair(out_u + 1)
        self._back_hi, self._back_lo = _pair(back_u + 1)

    def alarm(self, charged_total_u):
        """`is_due` from this total on: something that depends on money is to be judged anew."""
        self._due_hi, self._due_lo = _pair(charged_total_u)

    def is_due(self):
        hi = self.charged_hi - self._due_hi
        return hi > 0 or (hi == 0 and self.charged_lo >= self._due_lo)

    def credit(self, amount_u):
        """Add a purchase. ValueError if it is not positive or more than the total can hold."""
        lo = self.credited_lo + amount_u
        hi = self.credited_hi + lo // _MILLION
        if amount_u <= 0 or hi > _HIGH_END:
            raise ValueError("credit must be positive and the total below 2**30")
        self.credited_hi = hi
        self.credited_lo = lo % _MILLION

    def charge(self, amount_u):
        """Add what is due, micro-units: the price of energy, or a charge of another kind."""
        lo = self.charged_lo + amount_u
        self.charged_hi += lo // _MILLION
        self.charged_lo = lo % _MILLION

    def below(self, limit_hi, limit_lo):
        """Is the balance less than a limit (hi * 1e6 + lo micro-units)? Does not allocate."""
        lo = self.credited_lo - self.charged_lo - limit_lo
        return self.credited_hi - self.charged_hi - limit_hi + lo // _MILLION < 0

    def is_out(self):
        return self.below(self._out_hi, self._out_lo)

    def is_back(self):
        return not self.below(self._back_hi, self._back_lo)

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

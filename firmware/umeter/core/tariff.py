"""Energy to money, exactly."""

from micropython import const

UNITS_PER_MWH = const(36_000)  # 0.1 W x ms in a thousandth of a watt-hour
_BASE = const(10_000)
_MILLION = const(1_000_000)


class FlatTariff:
    """One price for all energy: `price_u_per_kwh`, 0 .. 99_999_999 micro-units.

    What is charged is a whole number of micro-units and the rest is kept, whatever the price does
    in between: the sum of all charges is floor(sum(units * price) / 3.6e10). The rest is
    `millionths` (1e-6 of a micro-unit) and `parts` (1/36000 of that), to be stored with the
    account.
    """

    def __init__(self):
        self.price_u_per_kwh = 0
        self.millionths = 0
        self.parts = 0

    def charge(self, units):
        """Micro-units due for energy in 0.1 W x ms. Below 2**30 units all of it is small ints."""
        mwh = units // UNITS_PER_MWH  # < 29 827
        units %= UNITS_PER_MWH
        # Schoolbook multiplication with two digits of the price; no product reaches 2**30.
        high = self.price_u_per_kwh // _BASE
        low = self.price_u_per_kwh % _BASE
        product = units * high
        parts = product % UNITS_PER_MWH * _BASE + units * low + self.parts
        self.parts = parts % UNITS_PER_MWH
        millionths = product // UNITS_PER_MWH * _BASE + parts // UNITS_PER_MWH
        product = mwh * high
        millionths += product % 100 * _BASE + mwh * low + self.millionths
        self.millionths = millionths % _MILLION
        return product // 100 + millionths // _MILLION

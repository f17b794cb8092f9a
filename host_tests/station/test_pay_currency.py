"""Minor units, to and from micro-units."""

import pytest

from umeter_station.errors import StationError
from umeter_station.pay.currency import from_minor, to_minor


@pytest.mark.parametrize(
    "code, amount_u, minor",
    [("EUR", 5_010_000, 501), ("JPY", 500_000_000, 500), ("KWD", 1_230_000, 1230)],
)
def test_minor_units_are_exact(code, amount_u, minor):
    assert to_minor(amount_u, code) == minor and from_minor(minor, code) == amount_u


@pytest.mark.parametrize(
    "code, amount_u",
    [("EUR", 5_001_000), ("JPY", 1_500_000), ("KWD", 100), ("eur", 1_000_000), ("EURO", 1)],
)
def test_what_a_currency_cannot_express_is_refused(code, amount_u):
    with pytest.raises(StationError):
        to_minor(amount_u, code)

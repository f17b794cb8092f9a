"""What meters report in bits, in words."""

import pytest

from umeter_station.words import state_names


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (0, []),
        (1, ["credit low"]),
        (3, ["credit very low"]),
        (1 | 2 | 4 | 16, ["emergency credit offered", "out of credit"]),
        (1 | 512 | 1024, ["credit low", "locked", "0x400"]),
    ],
)
def test_of_the_levels_of_credit_the_worst_is_named(state, names):
    assert state_names(state) == names

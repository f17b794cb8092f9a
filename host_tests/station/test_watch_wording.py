"""What a finding rests on, as people read it."""

import pytest

from umeter_station.watch.wording import evidence_text


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ({"silent_s": 201, "presence": "offline"}, "silent_s 201, presence offline"),
        ({"over_u": -4_500_000, "price_u": None}, "over -4.50, price_u None"),
        ({"wh": [1, 2, 3]}, "wh 1 2 3"),
        ({"found": [{"shift": 1, "over_u": 250_000}]}, "found (shift 1, over 0.25)"),
    ],
    ids=["names and values", "money in its unit", "several", "of several facts each"],
)
def test_evidence(evidence, told):
    assert evidence_text(evidence) == told

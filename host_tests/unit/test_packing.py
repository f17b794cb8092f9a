"""A reading's channels as one byte string: what goes in comes out, and totals are seen in it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from umeter_station import packing
from umeter_station.messages import Reading
from umeter_station.reading_store import new_totals

_MONEY = ("credited_total_u", "charged_total_u", "balance_u")
_values = st.one_of(
    st.integers(0, 63), st.integers(-300, 70_000), st.integers(-(2**61), 2**61), st.just(2**24)
)
_totals = st.one_of(st.integers(0, 300), st.integers(0, 2**60))


@st.composite
def _columns(draw):
    """Of one to twelve channels; some columns are missing, some have None."""
    count = draw(st.integers(1, 12))
    made = {name: draw(st.lists(_totals, min_size=count, max_size=count)) for name in _MONEY}
    for name in packing.COLUMNS[3:]:
        values = draw(st.sampled_from((_values, _values, st.one_of(st.none(), _values), None)))
        if values is not None:
            made[name] = draw(st.lists(values, min_size=count, max_size=count))
    return made


@given(_columns())
def test_what_goes_in_comes_out(columns):
    count = len(columns["balance_u"])
    unpacked = packing.unpack(packing.pack(columns))
    assert [row["ch"] for row in unpacked] == list(range(1, count + 1))
    for name in packing.COLUMNS:
        assert [row[name] for row in unpacked] == columns.get(name, [None] * count), name


def _reading(credited_u, charged_u):
    balance_u = [a - b for a, b in zip(credited_u, charged_u, strict=True)]
    columns = dict(zip(_MONEY, (credited_u, charged_u, balance_u), strict=True))
    packed = packing.pack(columns)
    return Reading(1, 1, 0, 1, 0, 0, 0, len(credited_u), packed, credited_u, charged_u, True)


_pairs = st.lists(st.tuples(_totals, _totals), min_size=1, max_size=9)


@given(_pairs, _pairs, st.booleans())
@example([(5, 1)], [(5, 2)], False)
@example([(5, 2), (5, 2)], [(5, 3), (5, 1)], False)
@example([(5, 2), (6, 2)], [(5, 3)], False)
def test_a_total_that_becomes_smaller_is_kept(before, after, is_same_credit):
    if is_same_credit:
        after = [(a, b) for (a, _), (_, b) in zip(before, after, strict=False)]
        before = before[: len(after)]
    was, now = (_reading(*map(list, zip(*pairs, strict=True))) for pairs in (before, after))
    newest, kept = {}, {}
    for ch, (credited_u, charged_u) in enumerate(after, start=1):
        newest[ch] = (credited_u, charged_u)
    for _meter, ch, credited_u, charged_u in new_totals("m1", now, was.packed):
        most = kept.get(ch, (0, 0))
        kept[ch] = (max(most[0], credited_u), max(most[1], charged_u))
    for ch, totals in enumerate(before, start=1):
        for of in (0, 1):
            known = max(newest.get(ch, (0, 0))[of], kept.get(ch, (0, 0))[of])
            assert known >= totals[of]
    grew = len(after) >= len(before) and all(
        a[0] == b[0] and a[1] <= b[1] for a, b in zip(before, after, strict=False)
    )
    assert not (grew and len(after) == len(before) and kept)


@pytest.mark.parametrize("value", [2**63, -(2**63)])
def test_a_value_that_no_database_holds_is_refused(value):
    columns = {name: [0, 0] for name in packing.COLUMNS}
    with pytest.raises(ValueError, match="out of range"):
        packing.pack(columns | {"energy_wh": [value, 0]})

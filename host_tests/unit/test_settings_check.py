"""What a settings document may say, and what is answered where it may not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.core.settings_table import Document
from umeter.settings import Settings
from vectors.refused_settings import REFUSED

KEYS = sorted(Document({}).to_dict())
LARGEST = 0x3FFFFFFF  # the version with the most digits
DAY = [[0, 1], [630, 2], [900, 3], [1700, 4], [2100, 2]]
TARIFF = {
    "prices": [[100, 200, 300, 400], [150, 250, 350, 450]],
    "blocks_kwh": [120],
    "seasons": [229, 1001],
    "tables": [[DAY, [[0, 1]]], [DAY]],
    "standing_u_per_day": 450_000,
    "fallback": 4,
}
ACCEPTED = [
    {"tz": "UTC0", "weekend": [], "special_days": [229, 1225, 20_280_229, 20_531_231]},
    {"tz": "GMT0BST,M3.5.0/1,M10.5.0/2", "weekend": [5, 6], "ch.8.unit": "kwh"},
    {"tariff": TARIFF, "ch.1.next_tariff": TARIFF | {"from": 1_800_000_000}},
    {"tariff": {"prices": [[0]]}, "ch.2.unit": "kwh", "ch.2.price_u_per_kwh": 7},
    {"low_credit_2_u": 500_000, "pretrip_u": 500_000, "reclose_at_u": 0, "reclose": "armed"},
    {"emergency_u": 0, "emergency_at_u": -5, "max_balance_u": 0, "disable_at_u": 900},
    {"friendly": [["12345", 1800, 2400], ["67", 0, 2400], ["8", 0, 2400]], "protected": 1},
    {"slots": [["12", 0, 600, 0], ["12", 600, 700, 9], ["3", 0, 2400, 0]], "limit_w": 25_000},
    {"banned": [[0, 1], [300, 1200]], "banned_allow": [[900, 20]], "banned_action": "alarm"},
    {"lock_on": ["weld", "cover"], "ch.3.lock_on": [], "inlet_ch": 8},
    {"disable_at_u": 2_000_000},  # the warning is useless then, but was never refused
    dict.fromkeys(KEYS[:40]),  # all back to the defaults
]


@pytest.mark.parametrize("changes, sentence", REFUSED)
def test_a_refusal_says_where_and_what_would_be_right(changes, sentence):
    accepted, refused = Settings(8).check({"limit_tries": 2} | changes)
    assert refused == dict.fromkeys(changes, sentence)
    assert accepted == {"limit_tries": 2}


@pytest.mark.parametrize("changes", ACCEPTED)
def test_what_is_right_is_taken_over_as_it_is(changes):
    settings = Settings(8)
    assert settings.check(changes) == (changes, {})
    settings.apply(changes, 1)
    assert settings.changed == {key: v for key, v in changes.items() if v is not None}


@pytest.mark.parametrize("key", KEYS)
def test_every_default_is_good_and_null_goes_back_to_it(key):
    settings = Settings(8)
    default = settings.get(key)
    if default is not None:
        assert settings.check({key: default}) == ({key: default}, {})
    assert settings.check({key: None}) == ({key: None}, {})
    assert settings.check({key: {}})[1], "and not everything is good"


def test_settings_of_before_are_judged_together_with_the_new():
    settings = Settings(8)
    settings.apply({"ch.2.disable_at_u": 5, "max_topup_u": 1}, 1)
    accepted, refused = settings.check({"reclose_at_u": 4, "report_s": 9})
    assert accepted == {"report_s": 9}
    sentence = "ch.2.reclose_at_u must be at least disable_at_u, 5, not 4"
    assert refused == {"reclose_at_u": sentence}
    assert settings.check({"reclose_at_u": 4, "ch.2.reclose_at_u": 5})[1] == {}
    assert settings.check({"reclose_at_u": 4, "ch.2.disable_at_u": None})[1] == {}


def test_a_conflict_refuses_all_that_the_change_would_set_of_it_and_nothing_else():
    changes = {"disable_at_u": 5, "reclose_at_u": 3, "ch.1.reclose_at_u": 4, "budget_u": 7}
    accepted, refused = Settings(8).check(changes)
    assert accepted == {"ch.1.reclose_at_u": 4, "budget_u": 7}
    assert set(refused) == {"disable_at_u", "reclose_at_u"}


def test_an_old_conflict_does_not_stand_in_the_way():
    settings = Settings(8)
    settings.replace({"disable_at_u": 5, "reclose_at_u": 3}, 1)
    assert settings.check({"report_s": 9}) == ({"report_s": 9}, {})
    assert settings.check({"reclose_at_u": 4})[1]


def test_the_whole_document_has_its_limit():
    rows = [["1234567", 0, 2400]] * 16
    settings = Settings(8)
    settings.apply({"ch.%d.friendly" % ch: rows for ch in range(1, 9)}, LARGEST)
    changes = {"friendly": rows, "special_days": [20_261_225] * 10}
    sentence = "the document must be at most 2960 bytes, not 3001"
    assert settings.check(changes) == ({}, dict.fromkeys(changes, sentence))
    assert settings.check({"friendly": rows, "ch.1.friendly": None})[1] == {}
    for days in range(1, 10):  # up to the last byte of what it may be
        changes["special_days"] = [20_261_225] * days
        accepted, _ = settings.check(changes)
        if accepted:
            fuller = Settings(8)
            fuller.replace(settings.changed | accepted, LARGEST)
    assert 2_980 < len(fuller.text) < 3_000


def test_the_greatest_tariff_fits():
    days = [[[15 * (i % 4) + i // 4 * 100, 1 + i % 4] for i in range(14)] for _ in range(3)]
    tariff = {
        "prices": [[99_999_999] * 4] * 4,
        "blocks_kwh": [999_997, 999_998, 999_999],
        "seasons": [1001, 1101, 1201, 1231],
        "tables": [days] * 4,
        "standing_u_per_day": 999_999_999,
        "fallback": 4,
    }
    assert Settings(8).check({"tariff": tariff})[1] == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**13), 10**13) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from([*TARIFF, "from", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(KEYS).flatmap(lambda key: st.sampled_from([key, "ch.2." + key])), JSON
    )
)
def test_whatever_is_sent_is_applied_or_refused_and_what_is_applied_stays_good(changes):
    settings = Settings(8)
    accepted, refused = settings.check(changes)
    assert set(accepted) | set(refused) == set(changes) and not set(accepted) & set(refused)
    assert all(type(sentence) is str and " must be " in sentence for sentence in refused.values())
    settings.apply(accepted, 3)
    assert len(settings.text) < 3000
    again = Settings(8)
    again.from_json(json.dumps(json.loads(settings.text)).encode())
    assert again.to_dict() == settings.to_dict()

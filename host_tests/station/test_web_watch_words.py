"""What the watching pages say that stands in tables of the station's own."""

import pytest

from umeter.core import codes
from umeter_station import records
from umeter_station.watch import catalog
from umeter_station.web import language
from umeter_station.web.language import Languages, Place
from umeter_station.web.watch import claims, event_words, evidence
from umeter_station.words import CLAIM_NAMES, COMMAND_OUTCOMES, RESET_CAUSES, STATE_NAMES

_SET = tuple(f"set.{name}" for name in records.SETTINGS)


@pytest.fixture
def chinese(tmp_path):
    languages = Languages(tmp_path, Place())
    with language.speaking(languages.choose("zh", "")):
        yield language.current()


def test_titles_of_rules_and_states_of_accounts_are_translated(chinese):
    titles = [catalog.title(rule) for rule in (*catalog.BY_ID, *catalog.NOTED)]
    assert [text for text in (*titles, *STATE_NAMES) if chinese.gettext(text) == text] == []


def test_claims_are_told_in_the_readers_language(chinese):
    assert claims.words(2, 0) == ["余额用尽"]
    told = claims.explained((1 << len(CLAIM_NAMES)) - 1, 2)
    assert len(told) == len(CLAIM_NAMES) and [claim.is_armed for claim in told].count(True) == 1
    assert all(claim.cause and claim.release for claim in told)
    assert claims.explained(1 << 9, 0)[0].word == "0x200"


def test_every_event_that_the_firmware_can_put_has_words():
    titles = {code: event_words.title(code) for code in codes.CODES}
    assert [code for code, title in titles.items() if title == code] == []
    assert len(set(titles.values())) == len(codes.CODES)
    assert event_words.title("set.low_credit_u") == "Setting low_credit_u"
    assert event_words.title("code.99") == "code.99"


def test_every_event_is_told_in_chinese(chinese):
    """With whatever numbers: each code, and each number that is a word."""
    english = {}
    for code in (*codes.CODES, *_SET, "update.other"):
        told = {event_words.detail(code, a, b) for a in (0, 2, 99) for b in (-4, 0, 1, 99)}
        assert all("%(" not in text for text in told)
        words = event_words.title(code).removesuffix(code.removeprefix("set."))
        for text in (words, *told):
            letters = "".join(c for c in text if c.isascii() and c.isalpha())
            for unit in ("Wh", "ppm", "W", "V"):
                letters = letters.replace(unit, "")
            if letters:
                english.setdefault(code, text)
    assert english == {}
    for words in (COMMAND_OUTCOMES, RESET_CAUSES):
        assert [text for text in words if chinese.gettext(text) == text] == []


@pytest.mark.parametrize(
    ("code", "a", "b", "words"),
    [
        ("contact.open", 6, 0, "no credit, cut by hand"),
        ("claim.released", 16, 0, "overload"),
        ("credit.out", -112_920, 0, "balance -€0.12"),
        ("emergency.offered", 3_000_000, 0, "€3.00 offered"),
        ("debt", 2, -1_000_000, "€1.00 forgiven of debt 2"),
        ("set.price_u_per_kwh", 250_000, 252_500, "€0.25 before, now €0.2525"),
        ("set.low_credit_2_u", 634_125_391, 2_500_000, "none before, now €2.50"),
        ("set.limit_w", 0, 4000, "0 before, now 4000"),
        ("set.tariff", 5, 6, "changed"),
        ("power.cut", 3981, 0, "66 minutes without power"),
        ("clock.set", 0, 222_163_200, "from not set to Jan 15, 2027, 8:00:00\N{NNBSP}AM"),
        ("log.failed", 7, 0, "from record 7 on"),
        ("log.failed", 0, 1, "the load profile"),
        ("tariff.fallback", 2, 0, "rate 2"),
        ("command", 66, 1, "order 66 applied"),
        ("code.99", 3, -4, "3 -4"),
    ],
)
def test_an_events_numbers_are_told_as_the_page_tells_them(code, a, b, words):
    assert event_words.detail(code, a, b) == words


def test_what_a_rule_saw_names_the_meters_own_event():
    assert evidence.facts({"event": "cover.open"}) == [("the meter's own event", "Cover opened")]


def test_words_in_what_a_rule_saw_are_told_in_chinese_and_names_stay(chinese):
    seen = {"settings": ["tz"], "states": ["refused"], "why": "sale refused: it is away"}
    seen["found"] = [{"what": "Shift 3 was not closed.", "shift": 3}]
    told = [text for _, text in evidence.facts(seen)]
    assert told == ["tz", "被拒绝", "售电被拒：不在线", "班次 3 没有结束。 (shift 3)"]

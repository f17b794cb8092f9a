"""What the watching pages say that stands in tables of the station's own."""

from umeter_station.watch import catalog
from umeter_station.web import language
from umeter_station.web.language import Languages, Place
from umeter_station.web.watch import claims
from umeter_station.words import CLAIM_NAMES, STATE_NAMES


def test_titles_of_rules_and_states_of_accounts_are_translated(tmp_path):
    chinese = Languages(tmp_path, Place()).choose("zh", "")
    titles = [catalog.title(rule) for rule in (*catalog.BY_ID, *catalog.NOTED)]
    assert [text for text in (*titles, *STATE_NAMES) if chinese.gettext(text) == text] == []
    assert claims.ACCOUNT_STATES == STATE_NAMES


def test_claims_are_told_in_the_readers_language(tmp_path):
    language.use(Languages(tmp_path, Place()).choose("zh", ""))
    try:
        assert claims.words(2, 0) == ["余额用尽"]
        told = claims.explained((1 << len(CLAIM_NAMES)) - 1, 2)
    finally:
        language.use(Languages(tmp_path, Place()).choose("en", ""))
    assert len(told) == len(CLAIM_NAMES) and [claim.is_armed for claim in told].count(True) == 1
    assert all(claim.cause and claim.release for claim in told)
    assert claims.explained(1 << 9, 0)[0].word == "0x200"

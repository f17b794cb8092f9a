"""The settings document: what is in force, and what of it the journal keeps."""

import sys

from umeter.settings import Settings

TRANSIENT = ("umeter.settings_", "umeter.core.settings_", "umeter.core.calendar")


def test_a_channels_own_value_comes_before_the_sites_and_that_before_the_default():
    settings = Settings()
    assert settings.get("report_s") == 60
    assert settings.get("price_u_per_kwh", 2) == settings.get("price_u_per_kwh") == 200_000
    changes = {"price_u_per_kwh": 300_000, "ch.3.price_u_per_kwh": 0}
    accepted, refused = settings.check(changes)
    assert (accepted, refused) == (changes, {})
    assert settings.get("price_u_per_kwh", 2) != 0, "judged is not applied"
    settings.apply(accepted, 4)
    assert settings.version == 4
    document = settings.open()
    assert document.get("price_u_per_kwh", 2) == document.own("price_u_per_kwh", 2) == 0
    assert document.get("price_u_per_kwh", 1) == document.get("price_u_per_kwh") == 300_000
    assert document.own("price_u_per_kwh", 1) is None
    assert document.get("weekend") == [6, 7] and document.get("low_credit_2_u", 5) is None


def test_none_takes_a_setting_back_to_its_default():
    settings = Settings()
    settings.apply({"report_s": 5, "ch.1.limit_w": 100, "limit_w": 900}, 1)
    settings.apply({"report_s": None, "ch.1.limit_w": None, "fault_s": None}, 2)
    assert settings.get("report_s") == 60 and settings.get("limit_w", 0) == 900
    assert settings.changed == {"limit_w": 900}


def test_the_text_is_the_document():
    settings = Settings()
    assert settings.text == b'{"version":0,"set":{}}'
    settings.apply({"ch.8.disable_at_u": -5_000_000, "fault_s": 10, "weekend": [5]}, 12)
    before = settings.text
    restored = Settings()
    restored.apply({"report_s": 5}, 1)
    restored.from_json(settings.to_json())
    assert restored.text is settings.text, "kept once"
    assert restored.to_dict() == settings.to_dict()
    assert restored.to_dict()["version"] == 12 == restored.version
    assert restored.to_dict()["report_s"] == 60
    settings.apply({"report_s": 5}, 13)
    assert before != settings.text, "what is undone is the text of before"


def test_the_document_of_an_older_firmware_is_taken_over():
    settings = Settings()
    settings.from_json(b'{"version": 3, "set": {"ch.2.price_u_per_kwh": 5, "fault_s": 30}}')
    assert settings.get("price_u_per_kwh", 1) == 5 and settings.get("fault_s") == 30
    assert settings.version == 3


def test_what_a_newer_firmware_stored_is_left_at_its_default():
    settings = Settings()
    settings.from_json(b'{"version": 3, "set": {"phase": 2, "report_s": 1, "fault_s": 30}}')
    assert settings.get("report_s") == 60 and settings.get("fault_s") == 30
    assert settings.version == 3
    assert settings.changed == {"fault_s": 30}


def test_what_judges_and_what_knows_the_defaults_does_not_stay(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(TRANSIENT)]:
        monkeypatch.delitem(sys.modules, name)
    settings = Settings()
    settings.check({"tz": "UTC0", "tariff": {"prices": [[1]]}})
    settings.get("tz")
    settings.to_dict()
    assert not [name for name in sys.modules if name.startswith(TRANSIENT)]

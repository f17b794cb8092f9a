"""The settings document."""

import pytest

from umeter.settings import Settings


def test_defaults_and_own_values():
    settings = Settings()
    assert settings.get("report_s") == 60
    assert settings.get("commit_wh") == 3
    assert settings.get("price_u_per_kwh", 2) == settings.get("price_u_per_kwh")
    changes = {"price_u_per_kwh": 300_000, "ch.3.price_u_per_kwh": 0}
    accepted, refused = settings.check(changes)
    assert (accepted, refused) == (changes, {})
    assert settings.get("price_u_per_kwh", 2) != 0  # judged is not applied
    settings.apply(accepted, 4)
    assert settings.get("price_u_per_kwh", 2) == 0
    assert settings.get("price_u_per_kwh", 1) == 300_000
    assert settings.get("price_u_per_kwh") == 300_000
    assert settings.version == 4


@pytest.mark.parametrize(
    "key, value, sentence",
    [
        ("prize", 1, "unknown, the settings are commit_wh, disable_at_u"),
        ("version", 1, "unknown"),
        ("report_s", 4, "must be 5..86400"),
        ("report_s", 86_401, "must be 5..86400"),
        ("report_s", True, "must be an integer"),
        ("report_s", "60", "must be an integer"),
        ("report_s", 60.0, "must be an integer"),
        ("report_s", None, "must be an integer"),
        ("commit_wh", 5, "must be 1..4"),
        ("fault_s", 9, "must be 10..3600"),
        ("stagger_ms", 99, "must be 100..10000"),
        ("dwell_ms", -1, "must be 0..600000"),
        ("price_u_per_kwh", 100_000_000, "must be 0..99999999"),
        ("ch.0.price_u_per_kwh", 1, "channel must be 1..8"),
        ("ch.9.price_u_per_kwh", 1, "channel must be 1..8"),
        ("ch.01.price_u_per_kwh", 1, "channel must be 1..8"),
        ("ch.", 1, "channel must be 1..8"),
        ("ch.1", 1, "a channel's own settings are price_u_per_kwh"),
        ("ch.1.report_s", 60, "a channel's own settings are price_u_per_kwh"),
        ("ch.1.price_u_per_kwh.x", 60, "a channel's own settings are price_u_per_kwh"),
        ("ch.1.price_u_per_kwh", -1, "must be 0..99999999"),
    ],
)
def test_refusals_say_what_would_be_right(key, value, sentence):
    accepted, refused = Settings().check({"dwell_ms": 0} | {key: value})
    assert refused[key].startswith(sentence)
    assert key not in accepted
    assert accepted == ({} if key == "dwell_ms" else {"dwell_ms": 0})


def test_the_document_survives_json():
    settings = Settings()
    settings.apply({"ch.8.disable_at_u": -5_000_000, "fault_s": 10}, 12)
    restored = Settings()
    restored.apply({"report_s": 5}, 1)  # from_json replaces, it does not merge
    restored.from_json(settings.to_json())
    assert restored.to_dict() == settings.to_dict()
    assert restored.to_dict()["version"] == 12
    assert restored.to_dict()["report_s"] == 60


def test_what_a_newer_firmware_stored_is_left_at_its_default():
    settings = Settings()
    settings.from_json(b'{"version": 3, "set": {"phase": 2, "report_s": 1, "fault_s": 30}}')
    assert settings.get("report_s") == 60
    assert settings.get("fault_s") == 30
    assert settings.version == 3

"""What each screen says. The same scenes are drawn by the board's own interpreter elsewhere."""

import pytest

from hand_kit import DARK, Panel

TEXTS = {
    "supplied": ("2 on", "1234W", "credit", "12.34", "6 days left"),
    "low": ("2 on", "1234W", "credit", "0.95", "less than 2 days|credit low"),
    "very_low": (
        *("2 on", "1234W", "credit", "0.42"),
        "less than 2 days|credit very low|hold ACT 3 s for|emergency credit",
    ),
    "lent": ("2 on", "1234W", "credit", "-1.51", "credit very low|emergency credit|in use"),
    "uncut": (
        *("2 on", "1234W", "credit", "-0.25"),
        "credit used up|not cut for now|hold ACT 3 s for|emergency credit",
    ),
    "pays_later": ("2 on", "1234W", "credit", "-45.67", "you pay later"),
    "kwh": ("2 on", "1234W", "kWh", "12.34", "6 days left"),
    "silent": ("2 on", "? W", "credit", "12.34", "6 days left"),
    "rich": ("2 on", "1234W", "credit", "1234579", ""),
    "very_rich": ("2 on", "1234W", "credit", "400000012", ""),
    "out": ("2 OFF", "0W", "credit", "-0.01", "credit used up|buy credit"),
    "out_offered": (
        *("2 OFF", "0W", "credit", "-0.02"),
        "credit used up|buy credit|hold ACT 3 s for|emergency credit",
    ),
    "pretrip": ("2 OFF", "0W", "credit", "0.50", "credit very low|press ACT"),
    "credit_back": ("2 OFF", "0W", "credit", "5.67", "supply is ready|press ACT"),
    "operator": (
        *("2 OFF", "0W", "credit", "5.67"),
        "switched off by|the operator|ask the operator",
    ),
    "closed": ("2 OFF", "0W", "credit", "0.00", "no account here|ask the operator"),
    "user": ("2 OFF", "0W", "credit", "5.67", "switched off by|you|press ACT"),
    "budget": ("2 OFF", "0W", "credit", "5.67", "today's budget|is used up|press ACT"),
    "overload": ("2 OFF", "0W", "credit", "5.67", "overload|back in 287 s"),
    "overload_locked": ("2 OFF", "0W", "credit", "5.67", "overload|ask the operator"),
    "schedule": ("2 OFF", "0W", "credit", "5.67", "off by schedule"),
    "tamper": ("2 OFF", "0W", "credit", "5.67", "tamper alarm|ask the operator"),
    "fault": ("2 OFF", "0W", "credit", "5.67", "fault of the|meter|ask the operator"),
    "boot": ("2 OFF", "0W", "credit", "5.67", "starting"),
    "soon": ("2 OFF", "0W", "credit", "5.67", "back in a moment"),
    "selected": ("2 on", "1234W", "credit", "12.34", "6 days left"),
    "start": ("umeter", "", "", "", "esp32_devkit_pze|m8|starting"),
    "safe_mode": (
        *("offline", "", "", ""),
        "network is off|(safe mode),|metering and|credit go on",
    ),
    "no_network": ("offline", "", "", "", "no network:|purchases come|when it is back"),
    "maintenance": ("service", "", "", "", "maintenance,|supply is off,|please wait"),
}


@pytest.fixture(scope="module")
def scenes():
    panel = Panel()
    page = panel.modules.load("umeter.hal.hand_page")
    return {name: page.screen(hand) for name, hand, bus in panel.scenes.screens()}


def test_every_screen(scenes):
    said = {name: (*s[:4], s[4].rstrip("\n").replace("\n", "|")) for name, s in scenes.items()}
    assert said == TEXTS


def test_every_screen_has_room(scenes):
    for name, (title, upper, lower, amount, text) in scenes.items():
        lines = text.split("\n")
        assert len(lines) <= 4 and all(len(line) <= 16 for line in lines), name
        assert 2 * len(title) + max(len(upper), len(lower)) <= 16, name
        assert len(amount) <= 16, name


@pytest.mark.parametrize(
    "amount_u, text",
    [
        (0, "0.00"),
        (9_999, "0.00"),
        (10_000, "0.01"),
        (-1, "-0.01"),
        (-10_000, "-0.01"),
        (-10_001, "-0.02"),
        (99_999_999_999, "99999.99"),
        (100_000_000_000, "100000"),
        (-9_999_990_000, "-9999.99"),
        (-12_345_678_900_000, "-12345679"),
        (536_870_911_999_999, "536870911"),
    ],
)
def test_money_is_exact_and_never_more_than_there_is(amount_u, text):
    assert Panel(hand=DARK).modules.load("umeter.hal.hand_page").money(amount_u) == text


def test_a_board_with_a_button_for_each_user_names_that():
    panel = Panel(hand={"display": {"bus": "i2c"}}, channels=[{"button": 5}, {"frontend": "pzem"}])
    texts = []
    for user in range(2):
        panel.channel(user).contact = 0
        panel.channel(user).claims = 8
        panel.hand.shown = user
        texts.append(panel.screen()[4].split("\n")[-1])
    assert texts == ["press key", "ask the operator"]


def test_the_words_are_those_that_are_numbered():
    words = Panel(hand=DARK).modules.load("umeter.hal.hand_words")
    numbers = [value for name, value in vars(words).items() if isinstance(value, int)]
    assert max(numbers) == len(words.WORDS) - 1
    # Three levels and eight reasons have a number together.
    assert sorted(numbers) == [
        n for n in range(len(words.WORDS)) if n not in (17, 18, 22, 23, 24, 25, 26, 27, 28)
    ]
    assert words.WORDS[words.LEVELS + 2] == words.WORDS[words.REASONS + 3] == "credit used up"
    assert words.WORDS[words.REASONS + 7] == words.WORDS[words.STARTING]

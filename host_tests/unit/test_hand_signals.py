"""LED and buzzer, as timelines: a character for each tenth of a second."""

import pytest

from hand_kit import Panel

LED, BUZZER = 2, 13
BEEPS = {"buzzer": {"pin": BUZZER, "active": "high"}}
ROUND = 2400
NIGHT = 200_059_200 + 11 * 3600


def panel_of(**hand):
    panel = Panel(hand=hand or {"select": 0})
    panel.poll(2400)  # the first round, in which the accounts are looked at
    return panel


def led(panel):
    """One round of the LED from its beginning, without the dark at its end."""
    while panel.hand._phase_ms:
        panel.poll()
    return panel.timeline(LED, ROUND).rstrip(".")


def test_all_is_well():
    assert led(panel_of()) == "#"


@pytest.mark.parametrize(
    "level, seen",
    [(1, "##..##"), (2, "##..##..##"), (3, "##..##..##"), (4, "############")],
)
def test_the_users_who_has_least_credit_counts(level, seen):
    panel = panel_of()
    panel.put(1, level=1)
    panel.put(2, level=level)
    panel.poll(ROUND)
    assert led(panel) == seen


def test_no_network_and_safe_mode():
    panel = panel_of()
    panel.hand.session.connected = False
    assert panel.timeline(LED, ROUND) == "." + "#" * 23
    panel.hand.session = None
    assert led(panel) == "#"
    panel.meter.safe_ms = 1000
    assert panel.timeline(LED, ROUND) == "." + "#" * 23


@pytest.mark.parametrize("claim", [64, 128])
def test_a_fault_comes_before_credit(claim):
    panel = panel_of()
    panel.put(0, level=4)
    panel.channel(1).claims = claim
    panel.poll(ROUND)
    assert led(panel) == "#.#.#.#.#"


def test_maintenance_comes_before_all():
    panel = panel_of()
    panel.channel(1).claims = 128
    panel.hand.maintenance = True
    assert panel.timeline(LED, ROUND) == "#" * 24


def test_no_buzzer_stays_on_when_maintenance_ends_the_polling():
    panel = panel_of(**BEEPS)
    panel.put(1, level=4)
    while not panel.scenes.levels[BUZZER]:
        panel.poll()
    panel.hand.maintenance = True
    assert heard(panel, 5000) == 0


def test_the_selected_user_is_counted_out():
    panel = panel_of()
    for user in range(3):
        panel.scenes.levels[0] = 0
        panel.poll(300)
        panel.scenes.levels[0] = 1
        panel.poll(100)
        assert panel.timeline(LED, ROUND).strip(".") == "..".join("#" * (user + 1))


def test_a_led_that_is_on_when_low():
    panel = Panel(hand={"select": 0}, led={"pin": LED, "active": "low"})
    assert panel.scenes.levels[LED] == 1
    panel.poll(ROUND)
    assert panel.timeline(LED, ROUND).count(".") == 1


def heard(panel, ms):
    return panel.timeline(BUZZER, ms).count("#")


def test_a_crossing_is_heard_for_two_rounds():
    panel = panel_of(**BEEPS)
    assert heard(panel, 120_000) == 0, "nobody has crossed anything"
    panel.put(1, level=1)
    seen = panel.timeline(BUZZER, 10_000)
    assert seen.strip(".") == "##..##" + "." * 18 + "##..##"
    assert heard(panel, 60_000) == 0
    panel.put(1, level=4)
    assert panel.timeline(BUZZER, 10_000).strip(".") == "#" * 12 + "." * 12 + "#" * 12
    panel.put(1, level=0)
    assert heard(panel, 60_000) == 0, "better is no news for a buzzer"


def test_low_credit_is_told_again_each_hour_but_no_credit_is_not():
    panel = panel_of(**BEEPS)
    panel.put(1, level=3)
    assert heard(panel, 10_000) > 0
    assert heard(panel, 3_580_000) == 0
    assert heard(panel, 70_000) > 0
    assert heard(panel, 3_500_000) == 0
    panel.put(1, level=4)
    assert heard(panel, 10_000) > 0
    assert heard(panel, 7_200_000) == 0


@pytest.mark.parametrize(
    "when, zone, loud",
    [
        (NIGHT, "UTC0", False),
        (NIGHT, "CET-1", False),
        (NIGHT, "XXX8", True),  # 15:00 there
        (NIGHT + 7 * 3600 - 1, "UTC0", False),
        (NIGHT + 7 * 3600, "UTC0", True),
        (NIGHT - 3600 - 1, "UTC0", True),
        (NIGHT - 3600, "UTC0", False),
        (0, "UTC0", True),  # nobody knows that it is night
    ],
)
def test_by_night_it_is_quiet(when, zone, loud):
    panel = panel_of(**BEEPS)
    panel.meter.settings.apply({"tz": zone}, 1)
    panel.meter.when = when
    panel.put(1, level=3)
    assert (heard(panel, 10_000) > 0) == loud


def test_a_buzzer_without_a_sound_of_its_own():
    panel = panel_of(buzzer={"pin": BUZZER, "tone_hz": 2700})
    assert panel.scenes.tones == {BUZZER: 0}
    panel.put(1, level=1)
    seen = []
    for _ in range(50):
        panel.poll()
        seen.append(panel.scenes.tones[BUZZER])
    assert set(seen) == {0, 2700}
    panel.poll(5000)
    assert panel.scenes.tones == {BUZZER: 0}


def test_an_account_that_cannot_be_read_does_not_stop_the_meter():
    panel = panel_of()
    really = panel.meter.get
    panel.meter.get = lambda key: b"?"
    panel.meter.event("credit.low")
    panel.poll(5000)
    assert [line for line in panel.said if "hand_look failed" in line] == panel.said != []
    panel.meter.get = really
    panel.poll(130_000)
    assert led(panel) == "#" and len(panel.said) == 1

"""Is each contact in the wire of its own meter? On the simulated board's relays and modules."""

import json

import pytest

from prompt_kit import prompt
from simulated_chip import board
from umeter_deploy import files
from umeter_deploy.doctor_wiring import OK, Limits, Seen, Wiring
from umeter_deploy.link import LinkError
from umeter_deploy.stamp import unstamped
from umeter_sim.paths import BOARDS

LOADS = [1000, 2000, 3000, 4000, 36_000]


@pytest.fixture
def there():
    return prompt(loads=LOADS)


def wiring(there, document=None, **limits):
    return Wiring(there, document or board(), {}, Limits(**limits))


def places(there):
    return there.chip.site.site.places


def verdicts(there, **limits):
    judge = wiring(there, **limits).judge
    return [judge(index) for index in range(5)]


def test_a_board_that_is_wired_right_is_told_so(there):
    assert verdicts(there) == [OK] * 5


def test_one_contact_at_a_time_is_closed_and_none_stays_so(there):
    verdicts(there)
    closed = 0
    for _, state in there.chip.edges:
        closed += 1 if state else -1
        assert closed in (0, 1)
    assert [channel for channel, state in there.chip.edges if state] == [1, 2, 3, 4, 5]
    assert closed == 0


@pytest.mark.parametrize("folder", sorted(path.name for path in BOARDS.iterdir()))
def test_every_board_of_ours_by_its_own_relays_and_front_ends(folder):
    document = unstamped(json.loads(files.board_text(files.read(BOARDS / folder / "board.json"))))
    count = len(document["channels"])
    there = prompt(board=document, loads=[30_000])
    there.chip.ask("fault", kind="jammed", ch=count)
    judge = wiring(there, document).judge
    found = [judge(index) for index in range(count)]
    assert found[:-1] == [OK] * (count - 1) and found[-1].startswith("no power")
    assert {channel for channel, state in there.chip.edges if state} == set(range(1, count + 1))
    assert not any(place.relay for place in places(there))


def test_swapped_modules_are_seen_from_both_sides(there):
    places(there)[0].meter.address, places(there)[2].meter.address = 3, 1
    assert verdicts(there) == [
        "power on channel 3 instead",
        OK,
        "power on channel 1 instead",
        OK,
        OK,
    ]


def test_a_welded_contact_does_not_spoil_the_others(there):
    places(there)[3].welded = True
    there.chip.ask("fault", kind="welded", ch=4)
    found = verdicts(there)
    assert found[3].startswith("does not open: power flows though every contact")
    assert found[:3] + found[4:] == [OK] * 4


def test_a_contact_that_does_not_close_and_a_module_that_is_dead(there):
    there.chip.ask("fault", kind="jammed", ch=1)
    there.chip.ask("fault", kind="dead", ch=2)
    there.chip.ask("fault", kind="jammed", ch=5)
    found = verdicts(there)
    assert found[0].startswith("no power: is a load connected")
    assert found[1].startswith("silent")
    assert found[4].startswith("no power: no pulse")
    assert found[2:4] == [OK] * 2


def test_two_modules_with_one_address(there):
    places(there)[1].meter.address = 1
    places(there)[0].meter.swap(4711)
    found = verdicts(there)
    assert found[0].startswith(("garbled", "no power"))
    assert found[1].startswith("silent")


def test_a_load_smaller_than_what_counts_is_none(there):
    there.chip.ask("load", ch=1, want=90)
    assert verdicts(there)[0].startswith("no power")
    assert verdicts(there, least_dw=50)[0] == OK


def test_whatever_ends_the_trial_opens_the_contact(there):
    checked = wiring(there)
    there.run("_there[0].buses.insert(0, Deaf())")  # it cannot be polled
    with pytest.raises(LinkError, match="poll"):
        checked.judge(0)
    assert there.chip.edges[-1] == (1, False)
    assert not any(place.relay for place in places(there))


def test_the_watchdog_guards_each_trial(there):
    checked = wiring(there)
    for index in range(2):
        checked.judge(index)
        assert there.chip.machine.board.watchdog_ms == 240_000


@pytest.mark.parametrize("said", ["", "\n", "...\n[[1, 2], [3"])
def test_an_answer_that_is_garbled_is_said(there, said):
    checked = wiring(there)
    there.run = lambda program: said
    with pytest.raises(LinkError, match="garbled"):
        checked.judge(0)


def test_a_board_without_the_software_is_told_what_to_do():
    there = prompt(loads=LOADS)
    document = json.loads(json.dumps(board()))
    document["channels"][0]["frontend"] = "none_such"
    with pytest.raises(LinkError, match="umeter deploy"):
        wiring(there, document)


# What only wires can show, from what was seen: good readings, spoilt ones, power, counts.
QUIET, SPOILT, GONE = Seen(5, 0, 0, 0), Seen(1, 8, 0, 0), Seen(0, 0, 400, 0)


def on(power_dw, counts=0):
    return Seen(5, 0, power_dw, counts)


@pytest.mark.parametrize(
    "rest, closed, opened, verdict",
    [
        ([QUIET] * 2, [on(500), QUIET], [QUIET] * 2, OK),
        ([QUIET] * 2, [on(-500), QUIET], [QUIET] * 2, "backwards"),
        ([QUIET] * 2, [on(500), on(500)], [QUIET] * 2, "two at once: power moves on channel 2"),
        ([QUIET] * 2, [QUIET, on(500)], [QUIET] * 2, "power on channel 2 instead"),
        ([QUIET] * 2, [on(500), QUIET], [on(500), QUIET], "does not open: power flows on"),
        ([QUIET, on(900)], [on(500), on(940)], [QUIET, on(900)], OK),
        ([QUIET, on(900)], [QUIET, on(1900)], [QUIET, on(900)], "power on channel 2 instead"),
        ([QUIET] * 2, [SPOILT, QUIET], [SPOILT, QUIET], "no power"),
        ([QUIET] * 2, [Seen(0, 8, 0, 0), QUIET], [QUIET] * 2, "garbled"),
        # A module that is fed from behind the contact is silent while that is open.
        ([GONE, QUIET], [on(500), QUIET], [GONE, QUIET], OK),
    ],
)
def test_verdicts(there, rest, closed, opened, verdict):
    checked = wiring(there)
    assert checked._verdict(0, rest, closed, opened).startswith(verdict)


@pytest.mark.parametrize(
    "rest, closed, opened, verdict",
    [(0, 4, 1, OK), (0, 0, 0, "no power"), (0, 5, 3, "does not open"), (1, 5, 0, OK)],
)
def test_pulses_are_counted(there, rest, closed, opened, verdict):
    def seen(counts):
        return [QUIET] * 4 + [on(0, counts)]

    checked = wiring(there)
    assert checked._verdict(4, seen(rest), seen(closed), seen(opened)).startswith(verdict)

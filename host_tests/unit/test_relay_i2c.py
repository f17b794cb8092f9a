"""Relays behind expanders: what the driver says and what the chips' outputs then do."""

import pytest

from relay_kit import WIRED, Rig, document

PCF = {"chip": "pcf8574", "address": 0x24, "bits": [0, 1, 2, 3, 4, 5, 6, 7]}
TCA = {"chip": "tca9554", "address": 0x20, "bits": [0, 1, 2, 3, 4, 5, 6, 7]}
MCP = {"chip": "mcp23017", "address": 0x27, "bits": [8, 13, 14, 12, 0, 1, 2, 3]}
TWO = [{**PCF, "bits": [5, 0]}, {**MCP, "bits": [15, 0, 7]}]
BOARDS = {
    "pcf": (PCF, "low"),
    "tca": (TCA, "high"),
    "tca low": (TCA, "low"),
    "mcp": (MCP, "high"),
    "mcp low": (MCP, "low"),
}


def board(chips, active):
    relays = {"type": "i2c", "bus": "i", "active": active, "chips": chips}
    return document(relays, {"i": WIRED})


@pytest.fixture(params=[*BOARDS, "two"])
def rig(request, tmp_path):
    if request.param == "two":
        return Rig(tmp_path, board(TWO, "low"))
    chip, active = BOARDS[request.param]
    return Rig(tmp_path, board([chip], active))


def test_no_contact_moves_on_the_way_to_the_first_order(rig):
    rig.boot().start()
    rig.run(5000)
    assert rig.edges == [] and rig.meter.events == []


def test_without_boot_neither(rig):
    rig.start()
    rig.run(5000)
    assert rig.edges == []


def test_each_relay_is_the_one_that_was_ordered(rig):
    rig.boot().start()
    for index in range(len(rig.closed)):
        rig.relays.set(index, True)
        assert rig.closed.count(True) == 1 and rig.closed[index]
        rig.run(2000)
        rig.relays.set(index, False)
        assert not any(rig.closed)
    assert len(rig.edges) == 2 * len(rig.closed)


def test_contacts_outlive_a_reset_until_boot_and_then_none_moves(rig):
    rig.boot().start().close(0, 2)
    again = rig.restarted()
    assert again.closed[:3] == [True, False, True]
    del again.edges[:]
    again.boot()
    assert sorted(again.edges) == [(1, False), (3, False)]
    again.start()
    again.run(3000)
    assert len(again.edges) == 2


def test_a_power_cut_opens_and_nothing_closes_when_it_ends(rig):
    rig.boot().start().close(1)
    again = rig.powered_again()
    again.boot().start()
    again.run(3000)
    assert again.edges == []


def test_a_brown_out_gives_contacts_back_one_at_a_time(rig):
    count = len(rig.closed)
    rig.boot().start().close(*range(count))
    rig.run(3000)
    rig.device.brown_out()
    assert not any(rig.closed)
    del rig.edges[:]
    moments = []
    for _ in range(count * 15):
        before = len(rig.edges)
        rig.run(100)
        moments += [rig.now_ms] * (len(rig.edges) - before)
    assert all(rig.closed) and len(rig.edges) == count
    chips = len(rig.device.faces)
    assert all(late - early >= 900 for early, late in zip(moments, moments[chips:], strict=False))
    assert rig.meter.events == [("relay.silent", 0), ("relay.back", 0)]


def test_what_was_opened_meanwhile_stays_open(rig):
    rig.boot().start().close(0, 1, 2)
    rig.run(2000)
    rig.device.brown_out()
    rig.run(1000)
    rig.relays.set(1, False)
    del rig.edges[:]
    rig.run(20_000)
    assert rig.closed[:3] == [True, False, True]
    assert (2, True) not in rig.edges


def test_a_chip_that_is_silent_is_told_once_and_asked_again_each_second(rig):
    rig.boot().start().close(0)
    chip = rig.device.faces[0]
    chip.deaf = -1
    rig.run(1000)
    assert rig.meter.events == [("relay.silent", 0)]
    rig.relays.set(0, False)
    assert rig.closed[0], "the chip did not hear it"
    rig.run(10_000)
    assert len(rig.meter.events) == 1
    chip.deaf = 0
    rig.run(1000)
    assert not rig.closed[0]
    assert rig.meter.events == [("relay.silent", 0), ("relay.back", 0)]


def test_a_chip_that_is_silent_at_the_start_is_set_up_later(rig):
    for chip in rig.device.faces:
        chip.deaf = -1
    rig.boot().start().close(0)
    rig.run(2000)
    assert rig.edges == [] and rig.meter.events == [("relay.silent", 0)]
    for chip in rig.device.faces:
        chip.deaf = 0
    rig.run(2000)
    assert rig.closed[0] and rig.edges == [(1, True)]


def test_one_lost_transfer_costs_a_second_at_most(rig):
    rig.boot().start()
    rig.device.faces[0].deaf = 1
    rig.relays.set(0, True)
    assert not rig.closed[0]
    rig.run(1100)
    assert rig.closed[0]


def test_boot_opens_what_it_can_reach(tmp_path):
    rig = Rig(tmp_path, board(TWO, "low"))
    rig.boot().start().close(0, 1, 2, 3, 4)
    again = rig.restarted()
    again.device.faces[0].deaf = -1
    again.boot()
    assert again.closed == [True, True, False, False, False]
    again.start()
    again.device.faces[0].deaf = 0
    again.run(1000)
    assert not any(again.closed)

"""Relays behind shift registers: what is clocked in and what comes out."""

import pytest

from relay_kit import Rig, document

WIRES = {"type": "shift", "data": 33, "clock": 26, "latch": 25}
MUTED = {**WIRES, "oe": 13, "active": "low", "bits": [0, 1, 2, 3, 4, 5, 6, 7]}
OPEN = {**WIRES, "active": "high", "bits": [3, 2, 15, 0], "chips": 2}
SPARE = {**WIRES, "oe": 13, "active": "high", "bits": [0, 1, 2, 3, 4, 5]}


@pytest.fixture(params=[MUTED, OPEN, SPARE], ids=["muted", "chain", "spare"])
def rig(request, tmp_path):
    return Rig(tmp_path, document(request.param))


def test_each_relay_is_the_one_that_was_ordered(rig):
    rig.boot().start()
    del rig.edges[:]
    for index in range(len(rig.closed)):
        rig.relays.set(index, True)
        assert rig.closed.count(True) == 1 and rig.closed[index]
        rig.run(2000)
        rig.relays.set(index, False)
        assert not any(rig.closed)
    assert len(rig.edges) == 2 * len(rig.closed), "no contact moved while others were written"


def test_muted_contacts_stay_open_until_the_chips_hold_what_they_are_to(tmp_path):
    for relays in (MUTED, SPARE):
        rig = Rig(tmp_path, document(relays))
        for wrong in (0x00, 0xFF, 0x5A):
            rig.device.outputs = wrong
            rig.boot()
        rig.start()
        rig.run(3000)
        assert rig.edges == []


def test_without_a_mute_boot_ends_what_the_chips_woke_up_with(tmp_path):
    rig = Rig(tmp_path, document(OPEN))
    rig.device.outputs = 0xFFFF
    rig.device.pin_driven(0, 0)
    assert all(rig.closed)
    del rig.edges[:]
    rig.boot().start()
    rig.run(3000)
    assert sorted(rig.edges) == [(i, False) for i in range(1, 5)]


def test_a_reset_keeps_what_is_latched_until_boot(tmp_path):
    rig = Rig(tmp_path, document(OPEN))
    rig.boot().start().close(2)
    again = rig.restarted()
    assert again.closed == [False, False, True, False]
    del again.edges[:]
    again.boot().start()
    again.run(2000)
    assert again.edges == [(3, False)]


def test_a_reset_mutes_where_that_is_wired(tmp_path):
    rig = Rig(tmp_path, document(MUTED))
    rig.boot().start().close(2)
    again = rig.restarted()
    assert again.edges == []
    again.boot().start()
    again.run(2000)
    assert again.edges == []


def test_a_brown_out_is_written_over_within_a_second(rig):
    rig.boot().start().close(1)
    rig.run(2000)
    rig.device.outputs ^= 0xFF
    rig.device.pin_driven(0, 0)
    assert not rig.closed[1]
    rig.run(1100)
    assert [index for index, closed in enumerate(rig.closed) if closed] == [1]


def test_outputs_that_no_relay_uses_rest_with_the_open_ones(tmp_path):
    rig = Rig(tmp_path, document(SPARE))
    rig.boot().start().close(0, 5)
    assert rig.device.outputs == 0b100001
    rig = Rig(tmp_path, document({**MUTED, "bits": [7]}))
    rig.boot().start().close(0)
    assert rig.device.outputs == 0x7F

"""A Modbus relay board at the end of a wire: what it is told, and what is told about it."""

from itertools import pairwise

import pytest

from relay_kit import Rig, document

WIRE = {"type": "uart", "id": 1, "tx": 19, "rx": 18}
RELAYS = {"type": "modbus", "bus": "r", "address": 3, "coils": [0, 1, 2, 3, 4, 5, 6, 7]}
ODD = {**RELAYS, "coils": [9, 0, 12]}


def board(relays, **more):
    return document(relays, {"r": {**WIRE, **more}})


@pytest.fixture(params=[RELAYS, ODD], ids=["eight", "odd"])
def rig(request, tmp_path):
    return Rig(tmp_path, board(request.param))


@pytest.fixture
def eight(tmp_path):
    rig = Rig(tmp_path, board(RELAYS)).boot().start()
    rig.run(1000)
    return rig


def test_no_contact_moves_on_the_way_to_the_first_order(rig):
    rig.boot().start()
    rig.run(5000)
    assert rig.edges == [] and rig.meter.events == []


def test_each_relay_is_the_one_that_was_ordered(rig):
    rig.boot().start()
    rig.run(1000)
    for index in range(len(rig.closed)):
        rig.relays.set(index, True)
        rig.run(300)
        assert rig.closed.count(True) == 1 and rig.closed[index]
        rig.relays.set(index, False)
        rig.run(300)
        assert not any(rig.closed)
    assert len(rig.edges) == 2 * len(rig.closed) and rig.meter.events == []


def test_boot_opens_what_a_reset_has_left_closed(eight):
    eight.close(0, 5)
    eight.run(2000)
    again = eight.restarted()
    assert again.closed.count(True) == 2
    again.boot()
    again.chip.pass_ms(100)
    assert not any(again.closed)


def test_without_function_0f_the_driver_opens(eight):
    eight.close(0, 5)
    eight.run(2000)
    again = eight.restarted()
    again.device.odd = True
    again.boot().start()
    again.run(1500)
    assert not any(again.closed)
    again.run(1000)
    assert again.meter.events == [("relay.silent", 0), ("relay.back", 0)], "it was not as ordered"


def test_opening_does_not_wait_for_closings(eight):
    eight.close(3)
    eight.run(1000)
    eight.close(0, 1, 2)
    eight.run(100)
    eight.relays.set(3, False)
    eight.run(300)
    assert not eight.closed[3]
    eight.run(3000)
    assert eight.closed == [True] * 3 + [False] * 5


def test_a_relay_board_that_restarted_gets_its_contacts_back_one_by_one(eight):
    eight.close(*range(8))
    eight.run(10_000)
    assert all(eight.closed)
    eight.device.brown_out()
    del eight.edges[:]
    moments = []
    for _ in range(80):
        before = len(eight.edges)
        eight.run(100)
        moments += [eight.now_ms] * (len(eight.edges) - before)
    assert all(eight.closed) and len(moments) == 8
    assert all(b - a >= 500 for a, b in pairwise(moments))
    assert eight.meter.events == [("relay.silent", 0), ("relay.back", 0)]


def test_a_silent_board_is_told_once_and_set_when_it_is_back(eight):
    eight.close(1)
    eight.run(1000)
    eight.device.dead = True
    eight.relays.set(1, False)
    eight.run(20_000)
    assert eight.meter.events == [("relay.silent", 0)] and eight.closed[1]
    eight.device.dead = False
    eight.run(3000)
    assert not eight.closed[1]
    assert eight.meter.events == [("relay.silent", 0), ("relay.back", 0)]


@pytest.mark.parametrize("fault", ["wrong", "lost"])
def test_one_bad_answer_is_made_good_without_a_word(eight, fault):
    setattr(eight.device, fault, 1)
    eight.relays.set(2, True)
    eight.run(2000)
    assert eight.closed[2] and eight.meter.events == []
    eight.run(20_000)
    assert eight.meter.events == []


def test_wrong_echoes_for_ever_are_a_silent_board(eight):
    eight.device.wrong = -1
    eight.relays.set(2, True)
    eight.run(5000)
    assert eight.meter.events == [("relay.silent", 0)]


@pytest.mark.parametrize("fault", [("lose", -1), ("garble", -1), ("stuck", 0), ("stuck", 0xFF)])
def test_a_bad_wire(eight, fault):
    wire = eight.chip.site.site.wire(1)
    good = getattr(wire, fault[0])
    setattr(wire, *fault)
    eight.run(10_000)
    assert eight.meter.events == [("relay.silent", 0)]
    setattr(wire, fault[0], good)
    eight.relays.set(4, True)
    eight.run(4000)
    assert eight.closed[4] and eight.meter.events[1:] == [("relay.back", 0)]


class Babbler:
    """A UART whose line never falls silent."""

    def __init__(self):
        self.sent = 0

    def any(self):
        return 120

    def read(self):
        return b"\x55" * 120

    def readinto(self, buffer):
        buffer[:] = b"\x55" * len(buffer)
        return len(buffer)

    def write(self, data):
        self.sent += 1


def test_a_line_that_never_falls_silent(eight):
    relays = eight.relays
    relays._uart = babbler = Babbler()
    for _ in range(300):
        relays.set(0, True)
        relays.poll(100)
    assert eight.meter.events == [("relay.silent", 0)]
    assert babbler.sent < 300


def test_a_late_answer_is_no_answer_to_the_next_request(eight):
    wire = eight.chip.site.site.wire(1)
    wire.late_ms = 400
    eight.relays.set(0, True)
    eight.run(3000)
    wire.late_ms = 0
    eight.run(5000)
    assert eight.closed == [True] + [False] * 7
    assert eight.relays._have == 1


def test_the_direction_pin_is_let_go_after_each_request(tmp_path):
    rig = Rig(tmp_path, board(RELAYS, de=4))
    seen = []
    rig.chip.site.site._pins[4] = [lambda pin, level: seen.append(level)]
    rig.boot()
    assert seen == [1, 0]
    rig.start()
    rig.close(0)
    rig.run(3000)
    assert rig.closed[0]
    assert seen[2:4] == [0, 1] and seen[-1] == 0 and seen.count(1) >= 4

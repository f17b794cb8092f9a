"""The parts that the long run is made of."""

import base64
import struct
from datetime import UTC, datetime
from zlib import crc32

import pytest

from umeter_sim import reference_site, soak_rings
from umeter_sim.nor import SECTOR, Nor
from umeter_sim.soak_board import SoakBoard
from umeter_station import records

START_UNIX = 1_767_571_200


def when(*fields):
    return int((datetime(*fields, tzinfo=UTC) - reference_site.EPOCH).total_seconds())


def test_nor_clears_bits_and_refuses_to_set_any():
    nor = Nor(2)
    nor.program(10, b"\xf0\x0f")
    nor.program(10, b"\x30\x0f")
    with pytest.raises(OSError, match="set bits"):
        nor.program(11, b"\x10")
    found = bytearray(4)
    nor.read(9, found)
    assert found == b"\xff\x30\x0f\xff" and nor.programmed == 4
    nor.erase(SECTOR)
    nor.erase(0)
    assert nor.cells == b"\xff" * 2 * SECTOR and nor.erased == [1, 1]
    with pytest.raises(OSError, match="start of a sector"):
        nor.erase(10)


@pytest.mark.parametrize(
    "moment, hours",
    [
        ((2026, 3, 29, 0, 59, 59), 1),
        ((2026, 3, 29, 1), 2),
        ((2026, 10, 25, 0, 59, 59), 2),
        ((2026, 10, 25, 1), 1),
        ((2030, 3, 31, 1), 2),
        ((2034, 12, 31, 23), 1),
    ],
)
def test_summer_time_begins_and_ends_on_its_sundays(moment, hours):
    assert reference_site.local_offset_s(when(*moment)) == hours * 3600


def test_the_reference_user_draws_500_w_in_the_mean_and_most_in_the_evening():
    loads = reference_site.ReferenceLoads(1)
    by_hour = [sum(sum(loads.demand_dw(hour)) for _ in range(200)) for hour in range(24)]
    mean_w = sum(by_hour) / 24 / 200 / reference_site.USERS / 10
    assert 495 < mean_w < 505
    assert max(by_hour) == by_hour[19]


def test_the_clock_is_lost_with_the_power_and_set_by_an_order():
    board = SoakBoard(START_UNIX)
    board.power_up()
    board.step(10_000)
    assert board.meter.when == 0
    board.set_clock()
    board.step(200)
    assert board.meter.when + records.EPOCH_OFFSET_S == board.unix_ms // 1000
    board.power_up()
    board.step(200)
    assert board.meter.boot == 2 and board.meter.when == 0


def test_a_stride_ends_at_its_multiple_and_the_loads_draw_through_it():
    board = SoakBoard(START_UNIX)
    board.power_up()
    board.order(op="credit", ch=1, amount_u=50_000_000)
    board.step(10_000)
    board.meters.demand_dw[0] = 36_000
    board.stride_ms, board.meters.at_once = 900_000, 8
    for quarter in range(1, 5):
        board.step(1)
        assert board.unix_ms == (START_UNIX + quarter * 900) * 1000
    assert board.units[0] // 36_000_000 == 3590
    board.stride_ms = 0
    board.step(1000)
    assert board.meter.channels[0].register.wh in (3590, 3591)


class Answers:
    """A board that holds these raw intervals."""

    def __init__(self, raw):
        self._raw = raw

    def answer(self, op, what, count, **order):
        assert op == "history"
        if what != "profile":
            return {"code": "unknown_op"}
        at = order["from"] - 1
        return {
            "code": "applied",
            "newest": len(self._raw),
            "next": at + 1 + len(self._raw[at : at + count]),
            "records": records_base64(self._raw[at : at + count]),
        }


def records_base64(raw):
    return base64.b64encode(b"".join(raw)).decode()


def interval(n):
    body = struct.pack("<IIBBBB8H", n, n * 900, 15, 0, 0, 0, *[n] * 8)
    return body + struct.pack("<I", crc32(body))


def test_the_rings_are_pulled_to_the_end_and_counted():
    held = Answers([interval(n) for n in range(1, 200)])
    assert soak_rings.ring_figures(held) == {"profile_days": 199 * 15 // 1440}


def test_a_missing_record_of_a_ring_is_told():
    held = Answers([interval(n) for n in range(1, 90) if n != 40])
    with pytest.raises(RuntimeError, match="interval 39 is followed by 41"):
        soak_rings.ring_figures(held)

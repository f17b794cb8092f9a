"""Orders for history: ranges of both logs by number, on the real core and its rings."""

import base64
import struct

import pytest

from fakes_board import Board, MemoryFlash
from umeter.core import codes, settings_table
from umeter.core.audit import Audit
from umeter.core.profile import UNTRUSTED, Profile
from umeter.core.replay import window_of
from umeter.net.reading import reading

WHEN = 200_016_000
UNIX = WHEN + 1_577_836_800


class LoggingBoard(Board):
    """A Board with a partition for its logs."""

    def __init__(self, cells=None, channels=3, clock=None, log=None):
        self.log = log or MemoryFlash(bytearray(b"\xff" * 16 * 4096))
        super().__init__(cells, channels, clock)

    def add_logs(self, meter):
        meter.events.audit = Audit(self.log, 0, 6)
        meter.profile = Profile(self.log, 6, 10)

    def reboot(self):
        return LoggingBoard(self.flash.cells, len(self.channels), log=self.log)

    def pull(self, n, what, first, count):
        """The answer and its records, each as bytes."""
        answer = self.order(n=n, op="history", what=what, **{"from": first, "count": count})
        raw = base64.b64decode(answer["records"], validate=True)
        size = 64 if what == "events" else 32
        return answer, [raw[at : at + size] for at in range(0, len(raw), size)]

    def words(self):
        """(word, ch, a, b) of every event in the log."""
        found = []
        first = 1
        n = 1000
        while first <= self.meter.events.audit.ring.newest:
            answer, records = self.pull(n, "events", first, 16)
            for record in records:
                _, _, _, ch, code, a, b = struct.unpack_from("<IIHBBqq", record)
                if code < 128:
                    word = codes.CODES[code]
                else:
                    word = "set." + settings_table.keys()[code - 128]
                found.append((word, ch, a, b))
            first = answer["next"]
            n += 1
        return found


@pytest.fixture
def board():
    return LoggingBoard()


def test_events_are_pulled_by_number(board):
    for n in range(1, 40):
        board.order(n=n, op="supply", ch=1, state="open")
    answer, records = board.pull(40, "events", 11, 16)
    assert [struct.unpack_from("<I", record)[0] for record in records] == list(range(11, 27))
    del answer["records"]
    assert answer == {
        "n": 40,
        "op": "history",
        "code": "applied",
        "what": "events",
        "from": 11,
        "oldest": 1,
        "newest": 40,
        "next": 27,
        "t": 0,
        "boot": 1,
    }
    answer, records = board.pull(41, "events", 41, 16)
    assert records == [] and answer["next"] == 41


def test_what_was_ordered_is_in_the_log_and_what_was_read_is_not(board):
    board.order(n=1, op="credit", ch=2, amount_u=5)
    board.order(n=2, op="read")
    board.pull(3, "profile", 1, 32)
    board.order(n=4, op="set", version=1, set={"ch.3.price_u_per_kwh": 7, "fault_s": 60})
    board.order(n=5, op="nonsense")
    board.order(n=6, op="time", t=UNIX, boot=1)
    assert board.words()[1:] == [
        ("credit.back", 2, 5, 0),
        ("command", 2, 1, 1),
        ("settings", 0, 1, 0),
        ("set.price_u_per_kwh", 3, 200_000, 7),
        ("command", 0, 4, 1),
        ("command", 0, 5, 4),
        ("clock.set", 0, 0, WHEN),
        ("command", 0, 6, 1),
    ]


def test_numbers_and_chain_go_on_over_a_reboot(board):
    board.order(n=1, op="supply", ch=1, state="open")
    again = board.reboot()
    assert [event[0] for event in again.meter.events._ring] == [3]
    assert [word for word, *_ in again.words()] == ["boot", "command", "boot"]


def test_intervals_are_pulled_and_named_in_the_reading(board):
    board.order(n=1, op="time", t=UNIX, boot=1)
    for second in range(0, 2000, 100):
        board.channels[1].register.add(36_000_000)
        board.meter.tick(100, WHEN + second)
    assert board.order(n=2, op="read")["reading"]["interval"] == 2
    answer, records = board.pull(3, "profile", 1, 32)
    assert (answer["oldest"], answer["newest"], answer["next"]) == (1, 2, 3)
    fields = [struct.unpack("<IIBBBB8HI", record)[:8] for record in records]
    assert fields == [
        (1, WHEN + 900, 15, 0, 0, 0, 0, 10),
        (2, WHEN + 1800, 15, 0, 0, 0, 0, 9),
    ]


@pytest.mark.parametrize("jump, flags", [(9, 0), (11, UNTRUSTED), (-11, UNTRUSTED)])
def test_an_interval_in_which_the_clock_jumped_is_marked(board, jump, flags):
    board.order(n=1, op="time", t=UNIX, boot=1)
    board.meter.tick(100, WHEN)
    board.order(n=2, op="time", t=UNIX + jump, boot=1)
    board.meter.tick(100, WHEN + 900)
    assert board.pull(3, "profile", 1, 1)[1][0][9] == flags


@pytest.mark.parametrize("action, wh", [("accept", 7), ("refuse", 0)])
def test_accepted_energy_marks_its_interval_as_estimated(board, action, wh):
    board.order(n=1, op="time", t=UNIX, boot=1)
    board.meter.tick(100, WHEN)
    board.channels[2].quarantined = 7
    assert board.order(n=2, op="quarantine", ch=3, action=action)["code"] == "applied"
    board.meter.tick(100, WHEN + 900)
    record = struct.unpack("<IIBBBB8HI", board.pull(3, "profile", 1, 1)[1][0])
    assert (record[5], record[8]) == (4 if wh else 0, wh)


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"what": "money", "from": 1, "count": 1}, "malformed"),
        ({"from": 1, "count": 1}, "malformed"),
        ({"what": "events", "count": 1}, "malformed"),
        ({"what": "events", "from": 0, "count": 1}, "range"),
        ({"what": "events", "from": 1, "count": 17}, "range"),
        ({"what": "profile", "from": 1, "count": 33}, "range"),
        ({"what": "profile", "from": 1, "count": 0}, "range"),
    ],
)
def test_what_makes_no_sense_is_refused(board, fields, code):
    answer = board.order(n=1, op="history", **fields)
    assert answer["code"] == code and answer["reason"] and "records" not in answer


def test_a_board_without_a_log_says_so():
    board = Board()
    answer = board.order(n=1, op="history", what="events", **{"from": 1, "count": 1})
    assert answer["code"] == "not_now" and "partition" in answer["reason"]
    assert "interval" not in reading(board.meter, board.clock)


def test_reading_costs_the_journal_nothing_and_its_number_comes_with_the_next_batch(board):
    cells = bytes(board.flash.cells)
    assert board.order(n=5, op="read")["code"] == "applied"
    board.pull(6, "events", 1, 1)
    assert bytes(board.flash.cells) == cells
    for n in (5, 6):
        assert board.order(n=n, op="read")["code"] == "replayed"
    board.order(n=7, op="supply", ch=1, state="open")
    again = board.reboot()
    assert [window_of(again.journal).outcome(n) for n in (4, 5, 6, 7, 8)] == [0, 1, 1, 1, 0]

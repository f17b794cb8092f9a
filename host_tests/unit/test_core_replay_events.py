"""Numbers: of commands, which are consumed once, and of events, which are never used twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umeter.core.events import Events
from umeter.core.replay import Window


@given(st.lists(st.tuples(st.integers(-5, 400), st.integers(1, 255)), max_size=200))
def test_each_number_is_consumed_once_and_packing_loses_nothing(arrivals):
    window = Window()
    consumed = {}
    for n, code in arrivals:
        highest = max(consumed, default=0)
        if n < 1 or n <= highest - 64:
            assert window.outcome(n) == -1
            continue
        assert window.outcome(n) == consumed.get(n, 0)
        if n not in consumed:
            window.record(n, code)
            consumed[n] = code
        restored = Window()
        restored.unpack(window.pack())
        window = restored
        assert window.highest == max(consumed)


def test_a_leap_of_numbers_forgets_the_old_ones():
    window = Window()
    window.record(5, 1)
    window.record(1_000_000, 2)
    assert window.outcome(5) == -1
    assert [window.outcome(n) for n in range(999_937, 1_000_001)] == [0] * 63 + [2]
    assert window.outcome(1 << 30) == -1


@pytest.mark.parametrize("record", [b"", bytes(68), bytes(69), b"\x02" + bytes(68), bytes(70)])
def test_an_unknown_record_is_refused(record):
    with pytest.raises(ValueError, match="format"):
        Window().unpack(record)


def test_the_oldest_event_is_dropped_and_counted():
    events = Events(3)
    for i in range(5):
        events.put(i, "code", 1, i)
    assert events.discards == 2
    assert events.peek() == (3, 2, "code", 1, 2, 0)
    events.pop()
    assert events.peek()[0] == 4


def test_an_event_dropped_meanwhile_is_not_popped_twice():
    events = Events(2)
    events.put(0, "a")
    sent = events.peek()[0]
    events.put(0, "b")
    events.put(0, "c")
    events.pop(sent)
    assert events.peek()[2] == "b"
    events.pop(events.peek()[0])
    events.pop()
    events.pop()
    assert events.peek() is None


def test_numbers_are_reserved_ahead_of_their_use():
    events = Events()
    events.reserved_n = events.to_reserve()
    used = []
    for _ in range(1000):
        used.append(events.next_n)
        events.put(0, "x")
        assert events.next_n <= events.reserved_n
        if events.to_reserve():
            events.reserved_n = events.to_reserve()
    after = Events()
    after.next_n = after.reserved_n = events.reserved_n  # as core/restore.py does
    assert after.next_n > max(used)
    assert after.to_reserve() > after.next_n

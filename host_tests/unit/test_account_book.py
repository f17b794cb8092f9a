"""The book: a record that keeps everything, and refuses what a later firmware wrote."""

import pytest

from account_kit import Bench
from umeter.core.book import KEYS, Book


def test_what_is_saved_comes_back():
    bench = Bench()
    book = bench.book
    book.account = 4_000_000_000
    book.flags = 255
    book.emergency_floor_u = -5_000_000_000_000
    book.debt_u = [1, 2, 9_999_990_000]
    book.days_milli = [7, -1, 2_000_000_000, -1, 0, -1, -1]
    book.rate_wh = [1, 2, 3, 4]
    book.rate_rest = [5, 6, 7, 35_999_999]
    book.other_total_u = 1 << 50
    book.save()
    back = bench.book
    names = [name for name in vars(book) if not name.startswith("_") and name != "is_new"]
    assert {name: getattr(back, name) for name in names} == {
        name: getattr(book, name) for name in names
    }


def test_a_record_is_small_and_told_by_its_format():
    bench = Bench()
    bench.book.save()
    record = bench.later[KEYS[0]]
    assert len(record) <= 224
    assert record[0] == 1


def test_a_fresh_book_is_zero_with_no_day_known():
    book = Bench().book
    assert book.days_milli == [-1] * 7
    assert book.debt_u == [0, 0, 0]
    assert book.day == book.account == book.flags == book.mark_wh == 0


def test_only_a_change_is_written():
    bench = Bench()
    bench.book.save()
    assert bench.commits == 1
    bench.book.save()
    assert bench.commits == 1
    bench.change(level=2)
    assert bench.commits == 2


@pytest.mark.parametrize("record", [b"\x02" + bytes(203), bytes(10), b"\x01" + bytes(204)])
def test_an_unknown_format_is_refused(record):
    bench = Bench()
    bench.later[KEYS[0]] = record
    with pytest.raises(ValueError, match="unknown format"):
        Book(bench, bench.channel)

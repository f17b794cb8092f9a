"""What banks and payers write is read exactly, or refused."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_kit import camt, camt_profile, csv_lines, csv_profile, entry
from umeter_station.errors import StationError
from umeter_station.pay import bank_camt, references
from umeter_station.pay.bank_lines import parse_amount_u


@pytest.mark.parametrize(
    "text, decimal, amount_u",
    [
        ("12,50", ",", 12_500_000),
        ("1.234.567,89", ",", 1_234_567_890_000),
        ("1 234,5", ",", 1_234_500_000),
        ("1\u202f234,5", ",", 1_234_500_000),
        ("1'234.50", ".", 1_234_500_000),
        ("+0,000001", ",", 1),
        ("5,00-", ",", -5_000_000),
        ("\u22125,00", ",", -5_000_000),
        ("(5.00)", ".", -5_000_000),
        ("1,234", ".", 1_234_000_000),
        ("1,234", ",", 1_234_000),
        ("7", ",", 7_000_000),
        ("0,1000000000", ",", 100_000),
    ],
)
def test_amounts_are_exact(text, decimal, amount_u):
    assert parse_amount_u(text, decimal) == amount_u


@pytest.mark.parametrize(
    "text",
    ["", "-", ",", "5,", "1,2,3", "12.34,5", "1.23", "0,0000001", "EUR 5", "5e3", "\u0661,00"]
    + ["1.2345,00", "--5", "5,0\u0661", "1" * 13, ".5", "nan"],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(StationError):
        parse_amount_u(text, ",")


@given(st.integers(-(10**15), 10**15), st.sampled_from(",."))
def test_every_amount_survives_writing_and_reading(amount_u, decimal):
    whole, part = divmod(abs(amount_u), 10**6)
    text = f"{whole:,}".replace(",", ".,"[decimal == "."]) + f"{decimal}{part:06d}"
    assert parse_amount_u(("-" if amount_u < 0 else "") + text, decimal) == amount_u


@given(st.integers(1, 10**8 - 1), st.integers(0, 11), st.sampled_from("0123456789RF"))
def test_one_wrong_character_is_no_reference(number, place, char):
    right = references.make(number)
    assert references.named(f"rent {right[:6].lower()} {right[6:]}-thanks") == [right]
    wrong = right[:place] + char + right[place + 1 :]
    assert wrong == right or references.named(wrong) == []


def test_swapped_neighbours_are_no_reference():
    right = references.make(18_273_645)
    for at in range(2, 11):
        swapped = right[:at] + right[at + 1] + right[at] + right[at + 2 :]
        assert swapped == right or references.named(swapped) == []


def test_other_dialects_and_encodings():
    text = "date,credit,debit,memo,ref\n11/02/26,5.50,,hi,A1\n11/03/26,,9.00,out,A2\n"
    columns = {"date": "date", "credit": "credit", "text": "memo", "id": "ref"}
    more = {"delimiter": ",", "decimal": ".", "date": "%m/%d/%y", "skip": 0, "columns": columns}
    for encoding in ("utf-8-sig", "utf-16", "latin-1"):
        (line,) = csv_lines(text, encoding, encoding=encoding, **more)
        assert (line.amount_u, line.bank_id, line.booked_on) == (5_500_000, "A1", "2026-11-02")
    with pytest.raises(StationError, match="no column 'date'"):
        csv_lines("a;b\n", **{**more, "delimiter": ";"})
    with pytest.raises(StationError, match="encoding"):
        csv_lines("date,credit,memo,ref\n\xfc\n", "latin-1", **{**more, "encoding": "ascii"})


@pytest.mark.parametrize(
    "change",
    [
        {"format": "mt940"},
        {"decimal": ";"},
        {"columns": {"date": "a"}},
        {"encoding": "klingon"},
        {"skip": "2"},
        {"colums": {}},
        {"delimiter": ""},
    ],
)
def test_a_profile_that_is_none_is_refused(change):
    with pytest.raises(StationError):
        csv_profile(**change)


def test_a_long_statement_is_read_in_little_memory():
    class Endless(io.RawIOBase):
        def __init__(self, count):
            head, tail = camt(entry()).split(entry().encode())
            self.parts = iter([head, *[entry().encode()] * count, tail])

        def read(self, size=-1):
            return next(self.parts, b"")

    tracemalloc.start()
    count = sum(1 for _ in bank_camt.read(Endless(1_000), camt_profile()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1_000 and peak < 1 << 19

"""Receipts and Z-reports: what is on them, copies that say so, nothing that a text can break."""

import html.parser
import re
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk_kit import ANNA, TARIFF, answer, report_settings, sell, sell_as
from station_kit import NOW_S, new_database
from umeter_station import ledger
from umeter_station.desk import (
    charges,
    paper_escpos,
    paper_html,
    payouts,
    receipts,
    shifts,
    voids,
    z_paper,
)
from umeter_station.desk.charges import Charges
from umeter_station.desk.paper import Line, Paper
from umeter_station.desk.writing import Writing
from umeter_station.errors import NotFound, StationError
from umeter_station.people import sites

PLAIN, BERLIN = Writing(), ZoneInfo("Europe/Berlin")


@pytest.fixture
def db(tmp_path):
    db = new_database(tmp_path)
    report_settings(db, tariff={**TARIFF, "standing_u_per_day": 50_000})
    with db.write() as conn:
        terms = Charges(fee_u=100_000, tax_permille=200, from_s=NOW_S)
        charges.set_terms(conn, "*", terms, "op", NOW_S)
    return db


def _print(db, no=1, register="desk", form="html", writing=PLAIN):
    with db.write() as conn:
        return receipts.print_(conn, register, no, form, ANNA, NOW_S, writing)


def _pairs(paper):
    return {line.left.strip(): line.right for line in paper.lines if line.right}


def test_a_receipt_says_what_was_sold(db):
    with db.write() as conn:
        site = sites.add(conn, "Hill House", "1 Hill Road", "op", NOW_S)
        sites.put_meter(conn, site.id, "m1", "op", NOW_S)
    sell(db)
    paper = _print(db)
    told = _pairs(paper)
    assert told["No."] == "desk-1" and told["Purchase"] == "k1" and told["Cashier"] == "anna"
    assert told["Meter"] == "m1 channel 3" and told["Time"] == "2027-01-15 08:00:00 UTC"
    assert (told["Paid"], told["of it fee"], told["of it tax"]) == ("10.00 EUR", "0.10", "1.67")
    assert (told["Credit"], told["Standing charge a day"]) == ("8.23 EUR", "0.05")
    assert "block 1 rate 1, 23.52 kWh at 0.30" in told
    parts = [Decimal(value) for name, value in told.items() if name.startswith("block")]
    assert abs(sum(parts) - Decimal("8.23")) <= Decimal("0.01")
    assert paper.header == ("Hill House", "1 Hill Road") and paper.mark == ""
    assert paper.footer[-1] == "Paid; on its way to the meter."


def test_a_receipt_is_by_the_clock_and_in_the_coins_of_its_station(db):
    sell(db)
    told = _pairs(_print(db, writing=Writing(BERLIN, "JPY")))
    assert told["Time"] == "2027-01-15 09:00:00+01:00" and len("Opened " + told["Time"]) <= 32
    assert (told["Paid"], told["of it tax"], told["Credit"]) == ("10 JPY", "2", "8 JPY")
    assert told["Standing charge a day"] == "0.05"


def test_what_nobody_took_has_no_cashier(db):
    sell_as(db, ledger.clearing("card"), "web", by="tenant:13")
    told = _pairs(_print(db, register="web"))
    assert told["No."] == "web-1" and "Cashier" not in told and "13" not in told.values()


def test_a_receipt_is_in_the_words_that_are_handed_in(db):
    sell(db)
    words = {"Time": "时间", "%(meter)s channel %(ch)s": "%(meter)s 回路 %(ch)s"}
    paper = _print(db, writing=Writing(lang="zh", say=lambda text: words.get(text, text)))
    told = _pairs(paper)
    assert told["时间"] == "2027-01-15 08:00:00 UTC" and told["Meter"] == "m1 回路 3"
    assert '<html lang="zh">' in paper_html.render(paper)


@given(st.integers(-(10**12), 10**12), st.sampled_from([("JPY", 0), ("CNY", 2), ("KWD", 3)]))
def test_a_sum_is_never_more_than_there_is_and_a_share_is_the_nearest_coin(amount_u, money):
    currency, decimals = money
    writing, amount = Writing(currency=currency), Decimal(amount_u) / 10**6
    coin = Decimal(1).scaleb(-decimals)
    assert 0 <= amount - Decimal(writing.coins(amount_u)) < coin
    assert abs(amount - Decimal(writing.share(amount_u))) <= coin / 2
    assert len(writing.coins(amount_u).partition(".")[2]) == decimals


@given(st.lists(st.integers(0, 10**9), max_size=16))
def test_shares_add_up_as_they_are_printed(amounts_u):
    printed = list(map(Decimal, PLAIN.shares(amounts_u)))
    assert sum(printed) == Decimal(PLAIN.share(sum(amounts_u)))
    exact = [Decimal(amount_u) / 10**6 for amount_u in amounts_u]
    assert all(abs(a - b) < Decimal("0.01") for a, b in zip(printed, exact, strict=True))


def test_a_part_of_nearly_thirty_is_thirty():
    assert PLAIN.shares([29_999_970, 9_999_880]) == ["30.00", "10.00"] and PLAIN.shares([]) == []
    assert PLAIN.share(5_000) == "0.01" and PLAIN.coins(-1_263_880) == "-1.27"
    assert PLAIN.kwh(-1_505) == "-1.51 kWh" and PLAIN.price(312_345) == "0.312345"


def test_every_print_after_the_first_is_a_counted_copy(db):
    sell(db)
    with db.read() as conn:
        assert receipts.preview(conn, "desk", 1, PLAIN).mark == "NOT A RECEIPT"
    assert [_print(db, form=form).mark for form in ("html", "escpos", "html")] == [
        "",
        "COPY 1",
        "COPY 2",
    ]
    with pytest.raises(NotFound):
        _print(db, 2)


def test_the_meters_own_balance_is_on_the_receipt_once_it_is_known(db):
    sell(db)
    assert "Balance, by the meter" not in _pairs(_print(db))
    answer(db, 1, balance_u=8_500_000)
    paper = _print(db)
    assert _pairs(paper)["Balance, by the meter"] == "8.50"
    assert paper.footer[-1] == "Credited by the meter."


def test_a_void_is_on_every_print(db):
    with db.write() as conn:
        shift = shifts.open_(conn, "front", ANNA, 0, ANNA, NOW_S)
    sell(db)
    assert _print(db, register="front").mark == ""
    with db.write() as conn:
        voids.void_last(conn, shift.id, "k1", ANNA, NOW_S)
    paper = _print(db, register="front")
    assert paper.mark == "VOID - COPY 1" and paper.footer == ("Void: 10.00 was given back.",)


def test_money_paid_out_has_a_receipt_of_its_own(db):
    sell(db)
    answer(db, 1, "range")
    assert _print(db).footer[-1] == "10.00 is due back: the meter did not take it."
    with db.write() as conn:
        args = {"meter": "m1", "ch": 3, "key": "p1", "reason": "refused", "by": ANNA}
        payouts.pay_out(conn, **args, amount_u=10_000_000, now_s=NOW_S)
    paper = _print(db, 2)
    assert paper.title == "Refund" and _pairs(paper)["Paid out"] == "10.00 EUR"


def test_a_z_report_is_printed(db):
    with db.write() as conn:
        shift = shifts.open_(conn, "front", ANNA, 5_000_000, ANNA, NOW_S)
    sell(db)
    with db.write() as conn:
        closed = shifts.close(conn, shift.id, 14_000_000, ANNA, NOW_S)
    paper = z_paper.make(closed.report, Writing(BERLIN))
    told = _pairs(paper)
    assert told["Opened"] == "2027-01-15 09:00:00+01:00"
    assert paper.title == "Z-report front-1" and told["Sales (1)"] == "10.00"
    assert (told["Expected"], told["Counted"], told["Short"]) == (
        "15.00 EUR",
        "14.00 EUR",
        "1.00 EUR",
    )


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.ways_out = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ways_out += [name for name, _ in attrs if name in ("src", "href", "action")]
        self.ways_out += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data):
        self.text.append(data)


_TEXTS = st.text(max_size=40)
_LINES = st.lists(
    st.builds(Line, st.sampled_from(["pair", "text", "big", "rule"]), _TEXTS, _TEXTS), max_size=8
)
_PAPERS = st.builds(
    Paper,
    _TEXTS,
    st.lists(_TEXTS, max_size=3).map(tuple),
    _TEXTS,
    _LINES.map(tuple),
    st.lists(_TEXTS, max_size=3).map(tuple),
    _TEXTS,
)


@given(_PAPERS)
def test_a_page_stands_alone_and_no_text_becomes_markup(paper):
    page = paper_html.render(paper)
    reader = _Reader()
    reader.feed(page)
    assert reader.ways_out == [] and "http" not in re.sub(r">[^<]*<", "><", page)
    allowed = {"html", "head", "meta", "title", "style", "body", "header", "h1", "div", "footer"}
    assert set(reader.tags) <= allowed | {"p", "span", "hr"}
    assert paper_html.STYLE in page


def test_markup_in_a_text_is_shown_as_it_is():
    evil = "<script>alert(1)</script><img src=x onerror=y>&\"'"
    page = paper_html.render(Paper(evil, (evil,), evil, (Line("pair", evil, evil),), (evil,)))
    assert "<script" not in page and "<img" not in page
    reader = _Reader()
    reader.feed(page)
    assert "".join(reader.text).count(evil) == 7  # The title twice.


def _commands(printed):
    """The printer's own commands, in order; what is left is text."""
    pattern = rb"\x1b@|\x1bt.|\x1ba.|\x1bE.|\x1dVB\x00|\x1d\(k(?s:(.)(.).)"
    return re.findall(pattern, printed), re.sub(pattern, b"", printed)


@given(_PAPERS, st.sampled_from(paper_escpos.COLUMNS))
def test_a_printer_gets_lines_that_fit_and_no_command_out_of_a_text(paper, columns):
    printed = paper_escpos.render(
        Paper(paper.title, paper.header, paper.mark, paper.lines, paper.footer), columns
    )
    _, text = _commands(printed)
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert all(len(line) <= columns for line in text.split(b"\n"))


def test_euros_and_umlauts_are_printed_and_what_the_page_has_not_is_a_question_mark():
    printed = paper_escpos.render(Paper("M\u00fcller \u20ac \u0416 \U0001f600"), 32)
    assert b"M\x81ller \xd5 ? ?" in printed
    with pytest.raises(StationError):
        paper_escpos.render(Paper("x"), 40)


def test_the_code_is_stored_and_printed():
    printed = paper_escpos.render(Paper("x", code="k1"))
    assert b"\x1d(k\x05\x001P0k1" in printed and printed.endswith(b"\x1dVB\x00")

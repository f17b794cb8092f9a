"""Bank files in the books: each line once, whatever files it is in, and nobody's money lost."""

import pytest

from bank_kit import (
    BANK,
    HEADER,
    batch,
    bring,
    camt,
    camt_profile,
    csv_lines,
    csv_profile,
    detail,
    entry,
    ustrd,
)
from pay_kit import Shop, hasty
from station_kit import NOW_S, Killed, killed_at_statement
from umeter_station import ledger
from umeter_station.errors import StationError
from umeter_station.models_pay import bank_lines
from umeter_station.pay import bank_import, references, suspense
from umeter_station.people import tenants


@pytest.fixture
def shop(db):
    return Shop(hasty(db))


@pytest.fixture
def rf(shop):
    """The reference of channel 3 of m1."""
    with shop.db.write() as conn:
        return references.of_channel(conn, "m1", 3, NOW_S)


def test_a_csv_file_as_banks_write_it(shop, rf):
    text = (
        HEADER + f"01.11.2026;Müller & Söhne;Strom {rf[:4].lower()} {rf[4:]};Gutschrift;1.012,50\n"
        '02.11.2026;"Doe; Jane";"Miete ""Nov""\nzweite Zeile";;20,00\n'
        "02.11.2026;Versorger;Abschlag;Lastschrift;-80,00\n"
        ";;;Saldo;952,50\n\n"
    ).replace(";;;Saldo;952,50\n", ";;;;\n")
    first, second = csv_lines(text)
    assert (first.amount_u, first.party) == (1_012_500_000, "Müller & Söhne")
    assert first.booked_on == "2026-11-01"
    assert (second.party, second.text) == ("Doe; Jane", 'Miete "Nov"\nzweite Zeile')
    done = bring(shop, text, csv_profile())
    assert done.counts == {"sale": 1, "suspense": 1}
    assert shop.balance_u(BANK) == -1_032_500_000
    assert shop.balance_u(ledger.transit("m1", 3)) == 1_012_500_000


@pytest.mark.parametrize(
    "line, says",
    [
        ("31.02.2026;A;x;;5,00", "line 4.*date|Line 4.*date"),
        ("01.11.2026;A;x;;5.5", "Line 4"),
        (";A;x;;5,00", "no date"),
        ('01.11.2026;"A;x;;5,00', "cannot be read"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_nothing_is_booked(shop, rf, line, says):
    text = HEADER + f"{line}\n01.11.2026;A;{rf};;5,00\n"
    with pytest.raises(StationError, match=says):
        bring(shop, text, csv_profile())
    assert shop.rows(bank_lines) == []


@pytest.mark.parametrize("version", ["02", "04", "06", "08"])
def test_a_statement_of_each_version(shop, rf, version):
    status = "<Sts>BOOK</Sts>" if version < "08" else "<Sts><Cd>BOOK</Cd></Sts>"
    pending = status.replace("BOOK", "PDNG")
    content = camt(
        entry("5.00", ustrd(f"Strom {references.spaced(rf)}"), ref="B1", status=status),
        entry("6.00", ustrd(rf), ref="B2", status=pending),
        entry("7.00", ustrd(rf), sign="DBIT", ref="B3", status=status),
        version=version,
    )
    done = bring(shop, content, camt_profile(iban="DE75 5121 0800 1245 1261 99"))
    assert done.counts == {"sale": 1}
    assert shop.balance_u(BANK) == -5_000_000


@pytest.mark.parametrize("path", ["Amt", "TxAmt"])
def test_a_batch_is_its_payments_or_nobodys(shop, rf, path):
    whole = batch("9.00", detail("5.00", rf, path=path), detail("4.00", "rent", path=path))
    short = batch("9.50", detail("5.00", rf), detail("4.00", rf), ref="B8")
    alike = batch("4.00", detail("2.00", "same"), detail("2.00", "same"), ref="B7")
    assert bring(shop, camt(whole, short, alike), camt_profile()).counts == {
        "sale": 1,
        "suspense": 4,
    }
    assert shop.balance_u(BANK) == -22_500_000
    with shop.db.read() as conn:
        items = suspense.page(conn, 10)
    assert [(item.amount_u, item.why) for item in items] == [
        (4_000_000, "no reference"),
        (9_500_000, "unclear batch"),
        (2_000_000, "no reference"),
        (2_000_000, "no reference"),
    ]
    assert items[0].party == "Anna"


def test_a_structured_reference_goes_before_the_text(shop, rf):
    with shop.db.write() as conn:
        other = references.of_channel(conn, "m1", 4, NOW_S)
    both = f"<Ustrd>{other}</Ustrd><Strd><CdtrRefInf><Ref>{rf}</Ref></CdtrRefInf></Strd>"
    two = entry("3.00", ustrd(f"{rf} {other}"), ref="B2")
    done = bring(shop, camt(entry("5.00", both), two), camt_profile())
    assert done.counts == {"sale": 1, "suspense": 1}
    assert shop.balance_u(ledger.transit("m1", 3)) == 5_000_000


def test_reversals_are_flagged_and_never_sold(shop, rf):
    back = entry("5.00", ustrd(rf), sign="DBIT", more="<RvslInd>true</RvslInd>", ref="B5")
    again = entry("2.00", ustrd(rf), more="<RvslInd>true</RvslInd>", ref="B6")
    bounced = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
    returned = entry("1.00", ustrd(rf), ref="B7").replace("<RmtInf>", f"{bounced}<RmtInf>")
    assert bring(shop, camt(back, again, returned), camt_profile()).counts == {"suspense": 3}
    assert shop.sold() == []
    assert shop.balance_u(ledger.SUSPENSE) == -5_000_000 + 2_000_000 + 1_000_000
    assert shop.balance_u(BANK) == -shop.balance_u(ledger.SUSPENSE)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "content, says",
    [
        (camt(entry(), head=BOMB), "no XML"),
        (camt(entry(), head='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'), "no XML"),
        (camt(entry())[:-30], "no XML"),
        (camt(entry(), version="01"), "camt.053"),
        (b"<html></html>", "camt.053"),
        (camt(entry("abc")), "Entry 1"),
        (camt(entry("-5")), "Entry 1"),
        (camt(entry(sign="X")), "Entry 1"),
        (camt(entry()).replace(b"DE75", b"DE76"), "of account DE76"),
        (b"", "no XML"),
    ],
)
def test_a_file_that_is_no_statement_is_refused(shop, content, says):
    with pytest.raises(StationError, match=says):
        bring(shop, content, camt_profile(iban="DE75512108001245126199"))
    assert shop.rows(bank_lines) == []


def test_the_same_file_and_overlapping_files_book_nothing_twice(shop, rf):
    one = HEADER + f"01.11.2026;A;{rf};;5,00\n01.11.2026;A;{rf};;5,00\n"
    two = one + f"02.11.2026;A;{rf};;7,00\n"
    assert bring(shop, one, csv_profile()).counts == {"sale": 2}
    again = bring(shop, one, csv_profile())
    assert again.before and again.counts == {"sale": 2}
    assert bring(shop, two, csv_profile()).counts == {"known": 2, "sale": 1}
    assert bring(shop, one + "\n", csv_profile()).counts == {"known": 2}
    assert shop.balance_u(BANK) == -17_000_000 and len(shop.sold()) == 3
    with pytest.raises(StationError, match="stay with csv"):
        bring(shop, camt(entry("5.00", ustrd(rf))), camt_profile())


def test_an_import_that_is_killed_is_gone_on_with(shop, rf, monkeypatch):
    monkeypatch.setattr(bank_import, "_BATCH", 2)
    text = HEADER + "".join(f"0{day}.11.2026;A;{rf};;5,00\n" for day in range(1, 6))
    number, killed = 0, 0
    while True:
        try:
            with killed_at_statement(shop.db, number):
                done = bring(shop, text, csv_profile())
            break
        except Killed:
            killed, number = killed + 1, number + 7
        assert shop.balance_u(BANK) == -5_000_000 * len(shop.sold())
    assert killed > 5 and not done.before
    assert len(shop.sold()) == 5 and shop.balance_u(BANK) == -25_000_000


def test_the_work_list_is_worked_off(shop, rf):
    with shop.db.write() as conn:
        tenant_id = tenants.add(conn, "Anna", "operator:otto", NOW_S)
        wallet = references.of_tenant(conn, tenant_id, NOW_S)
    lines = [("x", "5,00"), ("y", "6,00"), ("z", "7,00"), ("PAYOUT", "8,00"), (wallet, "9,00")]
    text = HEADER + "".join(f"01.11.2026;A;{what};;{amount}\n" for what, amount in lines)
    assert bring(shop, text, csv_profile()).counts == {"suspense": 4, "wallet": 1}
    by = "operator:anna"
    for _ in range(2):
        with shop.db.write() as conn:
            sale = suspense.assign(conn, 1, "m1", 3, by, NOW_S)
            suspense.assign_wallet(conn, 2, tenant_id, by, NOW_S)
            suspense.return_(conn, 3, by, NOW_S)
            suspense.assign_clearing(conn, 4, "stripe", by, NOW_S)
    assert sale.purchase.amount_u == 5_000_000 and len(shop.sold()) == 1
    assert shop.balance_u(ledger.wallet(tenant_id)) == 15_000_000
    assert shop.balance_u(ledger.SUSPENSE) == 0
    assert shop.balance_u(BANK) == -28_000_000
    assert shop.balance_u(ledger.clearing("stripe")) == 8_000_000
    with shop.db.write() as conn, pytest.raises(StationError, match="already"):
        suspense.return_(conn, 1, by, NOW_S)
    with shop.db.write() as conn, pytest.raises(StationError, match="cannot be"):
        suspense.write_off(conn, 2, by, NOW_S)


def test_another_currency_is_told_and_not_booked(shop, rf):
    content = camt(entry("5.00", ustrd(rf))).replace(b'Ccy="EUR"', b'Ccy="CHF"')
    assert bring(shop, content, camt_profile()).counts == {"currency": 1}
    assert shop.balance_u(BANK) == 0 and shop.sold() == []

"""Bank files as banks write them, and their import."""

import io

from umeter_station import ledger
from umeter_station.pay import bank_csv, bank_import, bank_profile

BANK = ledger.bank("giro")
GERMAN = {
    "format": "csv",
    "currency": "EUR",
    "encoding": "cp1252",
    "date": "%d.%m.%Y",
    "skip": 2,
    "columns": {"date": "Buchung", "amount": "Betrag", "text": ["Zweck", "Art"], "party": "Name"},
}
HEADER = "Konto;DE12\n\nBuchung;Name;Zweck;Art;Betrag\n"


def csv_profile(**changes):
    return bank_profile.parse("giro", {**GERMAN, **changes})


def camt_profile(**changes):
    return bank_profile.parse("giro", {"format": "camt", "currency": "EUR", **changes})


def csv_lines(text, written="cp1252", **changes):
    return list(bank_csv.read(io.BytesIO(text.encode(written)), csv_profile(**changes)))


def bring(shop, content, profile, name="file"):
    content = content.encode(profile.encoding) if isinstance(content, str) else content
    return bank_import.import_file(
        shop.db, shop.clock, io.BytesIO(content), name, profile, "operator:anna"
    )


def entry(
    amount="5.00", text="", sign="CRDT", more="", ref="B1", status="<Sts><Cd>BOOK</Cd></Sts>"
):
    remittance = f"<NtryDtls><TxDtls><RmtInf>{text}</RmtInf></TxDtls></NtryDtls>" if text else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{more}{status}'
        f"<BookgDt><Dt>2026-11-02</Dt></BookgDt><AcctSvcrRef>{ref}</AcctSvcrRef>{remittance}"
        "</Ntry>"
    )


def camt(*entries, version="08", head=""):
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<Document xmlns="{space}"><BkToCstmrStmt>'
        "<Stmt><Acct><Id><IBAN>DE75512108001245126199</IBAN></Id></Acct>"
        f"{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def ustrd(text):
    return f"<Ustrd>{text}</Ustrd>"


def detail(amount, text, name="Anna", path="Amt"):
    inner = f'<Amt Ccy="EUR">{amount}</Amt>'
    if path == "TxAmt":
        inner = f"<AmtDtls><TxAmt>{inner}</TxAmt></AmtDtls>"
    return (
        f"<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>{inner}<RltdPties><Dbtr>"
        f"<Pty><Nm>{name}</Nm></Pty></Dbtr></RltdPties><RmtInf>{ustrd(text)}</RmtInf></TxDtls>"
    )


def batch(amount, *details, ref="B9"):
    return entry(amount, ref=ref).replace(
        "</Ntry>", f"<NtryDtls>{''.join(details)}</NtryDtls></Ntry>"
    )

"""ISO 20022 bank statements, camt.053.001.02 to .08: what came in, each payment of a batch by
itself, and what took an earlier one back. Only what is booked; pending entries come again.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from defusedxml import DefusedXmlException, ElementTree

from umeter_station.errors import StationError
from umeter_station.pay.bank_lines import Line, parse_amount_u
from umeter_station.pay.bank_profile import Profile

_NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.0[2-8]\}(\w+)")
_BOOKED = "BOOK"
_REFS = ("AcctSvcrRef", "TxId", "EndToEndId", "InstrId")


def read(file: BinaryIO, profile: Profile) -> Iterator[Line]:
    """Raises StationError for what is not such a statement, or of another account."""
    number = 0
    above: list[Any] = []
    try:
        for event, element in ElementTree.iterparse(file, events=("start", "end")):
            name = _local(element.tag)
            if event == "start":
                above.append(element)
                continue
            above.pop()
            if name == "Acct" and _local(above[-1].tag) == "Stmt":
                _check_account(element, profile)
            elif name == "Ntry":
                number += 1
                yield from _entry(element, number)
                # A year's statement would not fit into the memory of a small machine.
                above[-1].remove(element)
    except (ElementTree.ParseError, DefusedXmlException, UnicodeError) as error:
        raise StationError(
            f"The file is no XML that a bank would send ({error}); export it once more."
        ) from None


def _local(tag: str) -> str:
    match = _NAMESPACE.fullmatch(tag)
    if match is None:
        raise StationError(
            "The file is no statement camt.053.001.02 to .08; have the bank export one of those."
        )
    return match[1]


def _check_account(account: Any, profile: Profile) -> None:
    iban = _text(account, "Id/IBAN").replace(" ", "")
    wanted = profile.iban.replace(" ", "")
    if wanted and iban != wanted:
        raise StationError(
            f"The file is of account {iban or 'without IBAN'}, not of {wanted} as the profile of"
            f" {profile.name} says."
        )


def _entry(entry: Any, number: int) -> Iterator[Line]:
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts") or _BOOKED
    if status != _BOOKED:
        return
    try:
        amount_u, currency = _amount(entry, "Amt")
        batch = entry.findall("{*}NtryDtls/{*}TxDtls")
        parts = [_amount_of_part(part, currency) for part in batch]
    except StationError as error:
        raise StationError(f"Entry {number}: {error}") from None
    if len(batch) == 1:
        # It is the entry; what it tells besides may be the amount before charges.
        parts = [amount_u]
    whole = None in parts or sum(part or 0 for part in parts) != amount_u
    details = [(entry, amount_u)] if whole else list(zip(batch, parts, strict=True))
    for part, part_u in details:
        line = _line(entry, part, part_u or 0, currency, number)
        if line is not None:
            # Nobody can tell whose a batch is whose payments do not add up.
            yield replace(line, matchable=not (whole and len(batch) > 1))


def _line(entry: Any, part: Any, amount_u: int, currency: str, number: int) -> Line | None:
    returned = part.find(".//{*}RtrInf") is not None
    reversal = _text(entry, "RvslInd") in ("true", "1") or returned
    direction = _text(part, "CdtDbtInd") or _text(entry, "CdtDbtInd")
    if direction not in ("CRDT", "DBIT"):
        raise StationError(f"Entry {number} is neither credit nor debit.")
    if amount_u == 0 or (direction == "DBIT" and not reversal):
        return None
    texts = [*_all(part, ".//{*}RmtInf/{*}Ustrd"), *_all(part, ".//{*}AddtlTxInf")]
    texts += _all(entry, "{*}AddtlNtryInf")
    parties = [".//{*}RltdPties/{*}Dbtr/{*}Nm", ".//{*}RltdPties/{*}Dbtr/{*}Pty/{*}Nm"]
    references = _all(part, ".//{*}RmtInf/{*}Strd/{*}CdtrRefInf/{*}Ref")
    # AcctSvcrRef is given by the bank itself; payers write what they like into the others.
    names = [_text(entry, "AcctSvcrRef")]
    if part is not entry:
        names += [_text(part, f"Refs/{name}") for name in _REFS]
    bank_gave = any(names[:2])
    return Line(
        number=number,
        booked_on=_text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm")[:10],
        direction="in" if direction == "CRDT" else "out",
        amount_u=amount_u,
        currency=currency,
        text=" ".join(texts),
        party=next((name for path in parties for name in _all(part, path)), ""),
        bank_id="|".join(names) if bank_gave else "",
        reference=" / ".join(references),
        reversal=reversal,
    )


def _amount_of_part(part: Any, currency: str) -> int | None:
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        if _find(part, path) is not None:
            amount_u, code = _amount(part, path)
            if code == currency:
                return amount_u
    return None


def _amount(element: Any, path: str) -> tuple[int, str]:
    amount = _find(element, path)
    if amount is None or not (amount.text or "").strip():
        raise StationError("it has no amount.")
    amount_u = parse_amount_u(amount.text, ".")
    if amount_u < 0:
        raise StationError("its amount is below 0.")
    return amount_u, amount.get("Ccy", "")


def _find(element: Any, path: str) -> Any:
    return element.find("/".join("{*}" + name for name in path.split("/")))


def _text(element: Any, path: str) -> str:
    found = _find(element, path)
    return "" if found is None else (found.text or "").strip()


def _all(element: Any, path: str) -> list[str]:
    texts = [" ".join((found.text or "").split()) for found in element.findall(path)]
    return [text for text in texts if text]

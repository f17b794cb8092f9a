"""What a payer writes on a bank transfer: ISO 11649 creditor references, `RF` + two check digits +
our number of eight, which names a channel or a tenant's wallet. One wrong or swapped character
does not pass the check.
"""

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.models_pay import payment_references
from umeter_station.people import tenants

_DIGITS = 8
_NO_LETTER = re.compile(r"[^0-9A-Z]+", re.ASCII)
_REFERENCE = re.compile(r"RF[0-9]{%d}" % (2 + _DIGITS), re.ASCII)


@dataclass(frozen=True)
class Target:
    """Whose money it is: of a channel, or of a tenant (`meter` and `ch` are None then)."""

    reference: str
    meter: str | None
    ch: int | None
    tenant_id: int | None


_COLUMNS = [payment_references.c[name] for name in Target.__dataclass_fields__]


def known(conn: Connection, meter: str, ch: int) -> str | None:
    """That of a channel, if somebody has asked for it before."""
    r = payment_references.c
    found = _find(conn, r.meter == meter, r.ch == ch)
    return None if found is None else found.reference


def of_channel(conn: Connection, meter: str, ch: int, now_s: int) -> str:
    """Made when it is first asked for; it never changes."""
    found = known(conn, meter, ch)
    if found is None:
        meters.check_channel(meters.get(conn, meter), ch)
        return _make(conn, {"meter": meter, "ch": ch, "made_at": now_s})
    return found


def of_tenant(conn: Connection, tenant_id: int, now_s: int) -> str:
    found = _find(conn, payment_references.c.tenant_id == tenant_id)
    if found is None:
        tenants.get(conn, tenant_id)
        return _make(conn, {"tenant_id": tenant_id, "made_at": now_s})
    return found.reference


def find(conn: Connection, reference: str) -> Target | None:
    """By the reference as people write it."""
    return _find(conn, payment_references.c.reference == squeezed(reference))


def match(conn: Connection, *texts: str) -> list[Target]:
    """All that are named in the first of the texts that names any, each once. Blanks, hyphens and
    case do not matter."""
    for text in texts:
        found = {target for name in named(text) if (target := find(conn, name)) is not None}
        if found:
            return sorted(found, key=lambda target: target.reference)
    return []


def named(text: str) -> list[str]:
    """What looks like a reference and passes its check."""
    return [name for name in _REFERENCE.findall(squeezed(text)) if is_right(name)]


def squeezed(text: str) -> str:
    return _NO_LETTER.sub("", text.upper())


def spaced(reference: str) -> str:
    """In groups of four, as it is printed and read out."""
    return " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))


def is_right(reference: str) -> bool:
    """By ISO 7064 mod 97-10, as an IBAN is checked."""
    return _number(reference[4:] + reference[:4]) % 97 == 1


def make(number: int) -> str:
    body = f"{number:0{_DIGITS}d}"
    return f"RF{98 - _number(body + 'RF00') % 97:02d}{body}"


def _number(text: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in text))


def _make(conn: Connection, row: dict[str, object]) -> str:
    # Looking first is safe: write transactions exclude each other.
    last = conn.execute(sa.select(sa.func.max(payment_references.c.id))).scalar() or 0
    reference = make(last + 1)
    conn.execute(payment_references.insert().values(id=last + 1, reference=reference, **row))
    return reference


def _find(conn: Connection, *conditions: sa.ColumnElement[bool]) -> Target | None:
    row = conn.execute(sa.select(*_COLUMNS).where(*conditions)).first()
    return None if row is None else Target(*row)

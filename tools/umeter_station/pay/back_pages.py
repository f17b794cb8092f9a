"""The page that a payer returns to from the provider: what became of the payment.

A tenant's stands behind the sign-in. Whoever pays without one, at the box or by a link that was
sent to a telephone, has a page of a name that nobody can guess: the payment's number and a MAC of
it under the station's key.
"""

import hmac
import re

from sqlalchemy import Connection

from umeter_station import secrets

ANYBODY = "public"  # the payer whom nobody knows
_TENANT = "tenant:"
_REFERENCE = re.compile(r"([1-9][0-9]{0,15})-([0-9a-f]{32})", re.ASCII)


def path(conn: Connection, payment_id: int, payer: str, way: str) -> str:
    if is_behind_sign_in(payer, way):
        return f"/home/payments/{payment_id}"
    return f"/pay/payments/{reference(conn, payment_id)}"


def is_behind_sign_in(payer: str, way: str) -> bool:
    return payer.startswith(_TENANT) and way == "web"


def reference(conn: Connection, payment_id: int) -> str:
    return f"{payment_id}-{_mac(conn, payment_id)}"


def payment_id(conn: Connection, reference: str) -> int | None:
    """None for what this station has not made."""
    parts = _REFERENCE.fullmatch(reference)
    if parts is None or not hmac.compare_digest(_mac(conn, int(parts[1])), parts[2]):
        return None
    return int(parts[1])


def _mac(conn: Connection, number: int) -> str:
    return secrets.mac(conn, f"payment:{number}")[:16].hex()

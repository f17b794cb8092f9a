"""Webhook signatures as Stripe writes them: `t=<Unix s>,v1=<hex HMAC-SHA256 of "t.body">`."""

import hashlib
import hmac
import re

from umeter_station.pay.provider import Forged

TOLERANCE_S = 300
_TIME = re.compile(r"(?:^|,)\s*t=([0-9]{1,12})\s*(?=,|$)", re.ASCII)
_MAC = re.compile(r"(?:^|,)\s*v1=([0-9a-f]{64})\s*(?=,|$)", re.ASCII)


def sign(secret: bytes, body: bytes, at_s: int) -> str:
    return f"t={at_s},v1={_mac(secret, body, at_s)}"


def verify(
    secret: bytes, body: bytes, header: str, now_s: int, tolerance_s: int = TOLERANCE_S
) -> None:
    """Raises Forged unless one of the signatures is right and fresh."""
    at_s = signed_at(header)
    right = _mac(secret, body, at_s)
    # All are compared, and each in constant time: a secret that is being replaced signs twice.
    found = [hmac.compare_digest(right, mac) for mac in _MAC.findall(header)]
    if not any(found):
        raise Forged("The signature is not the provider's.")
    check_age(at_s, now_s, tolerance_s)


def signed_at(header: str) -> int:
    match = _TIME.search(header)
    if match is None:
        raise Forged("There is no signature.")
    return int(match[1])


def check_age(at_s: int, now_s: int, tolerance_s: int = TOLERANCE_S) -> None:
    """By the station's clock: what was recorded on the way is of no use later."""
    if abs(now_s - at_s) > tolerance_s:
        raise Forged("The signature is too old, or from the future.")


def _mac(secret: bytes, body: bytes, at_s: int) -> str:
    return hmac.new(secret, b"%d." % at_s + body, hashlib.sha256).hexdigest()

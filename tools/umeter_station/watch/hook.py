"""By webhook: a POST of JSON, signed with a secret that the receiver was given.

`Umeter-Signature: t=<Unix seconds>,v1=<hex>` is HMAC-SHA256 over "<t>.<body>". A receiver checks
it over the raw bytes, refuses what is older than some minutes, and knows by `id` what it has had.
"""

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from umeter_station.watch.mail import Failed, Refused
from umeter_station.watch.outbox import Parcel

SIGNATURE = "Umeter-Signature"
_TIMEOUT_S = 10
_GONE = (404, 405, 410)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What was meant for one address is told to no other."""

    def redirect_request(self, *_args, **_more):
        return None


# No proxy of the environment's, either.
_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def send(parcel: Parcel, now_s: int) -> None:
    first, last = parcel.items[0].id, parcel.items[-1].id
    alerts = [
        {name: getattr(item, name) for name in item.__dataclass_fields__ if name != "id"}
        for item in parcel.items
    ]
    document = {"id": f"{parcel.target.id}.{first}.{last}", "alerts": alerts}
    post(parcel.target.address, parcel.secret, document, now_s)


def post(
    url: str,
    secret: bytes,
    document: dict[str, Any],
    now_s: int,
    timeout_s: int = _TIMEOUT_S,
    who: str = "the webhook",
) -> None:
    """Raises Refused if it will never be taken, Failed if it may be later; both tell of it as
    `who`. The document's "id" is the same each time it is tried."""
    content = json.dumps(document, separators=(",", ":")).encode()
    request = urllib.request.Request(
        url,
        data=content,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "umeter-station",
            SIGNATURE: signature(secret, content, now_s),
        },
    )
    try:
        with _OPENER.open(request, timeout=timeout_s) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        with error:
            kind = Refused if error.code in _GONE else Failed
            raise kind(f"{who} answered {error.code}") from None
    except (urllib.error.URLError, HTTPException, OSError, UnicodeError) as error:
        raise Failed(f"{who} cannot be reached ({type(error).__name__})") from None


def signature(secret: bytes, content: bytes, now_s: int) -> str:
    signed = hmac.new(secret, b"%d." % now_s + content, hashlib.sha256)
    return f"t={now_s},v1={signed.hexdigest()}"

"""The number on a box, by which anybody can pay for a channel: twenty digits in groups of four.

Eight name the channel, as its reference for bank transfers does; ten are a MAC of those under the
station's key; two are check digits (ISO 7064 mod 97-10), so that one wrong or swapped digit is
found without looking anything up. Who does not see the box cannot guess it: of ten thousand
million numbers for a channel one is right.
"""

import hmac
import re

from sqlalchemy import Connection

from umeter_station import secrets
from umeter_station.pay import references
from umeter_station.pay.references import Target

DIGITS = 20
_NAME, _MAC = 8, 10
_BETWEEN = re.compile(r"[\s.\-]+")
_NUMBER = re.compile(r"[0-9]{%d}" % DIGITS, re.ASCII)


def of_channel(conn: Connection, meter: str, ch: int, now_s: int) -> str:
    """It never changes while the station's key is the same. Raises NotFound."""
    name = references.of_channel(conn, meter, ch, now_s)[-_NAME:]
    body = name + _mac(conn, name)
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def find(conn: Connection, number: str) -> Target | None:
    """Nothing is read for a number that is not right: whether its channel exists makes no
    difference, neither to the answer nor to the time that it takes."""
    number = squeezed(number)
    name, mac = number[:_NAME], number[_NAME : _NAME + _MAC]
    if not is_right(number) or not hmac.compare_digest(mac, _mac(conn, name)):
        return None
    target = references.find(conn, references.make(int(name)))
    return target if target is not None and target.meter is not None else None


def is_right(number: str) -> bool:
    """By its check digits alone."""
    number = squeezed(number)
    return _NUMBER.fullmatch(number) is not None and int(number) % 97 == 1


def squeezed(number: str) -> str:
    return _BETWEEN.sub("", number)


def spaced(number: str) -> str:
    return references.spaced(squeezed(number))


def _mac(conn: Connection, name: str) -> str:
    found = int.from_bytes(secrets.mac(conn, f"box:{name}"))
    return f"{found % 10**_MAC:0{_MAC}d}"

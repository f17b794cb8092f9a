"""What a token may do to a meter, worked out without any of the firmware's code."""

import base64
import hashlib
import hmac
import json

from umeter_sim.order_board import CHANNELS, CODES, UNIX_OF_2020

LARGEST = (1 << 30) - 1
_WINDOW = 64
_LONGEST = 2048
_DONE = ("applied", "partly")
# Operation: fields that it must have, fields that it may have, what it may change.
_OWN = "its channel"
_EVERYWHERE = (1, 2, 3)
_RULES = {
    "credit": ("ch amount_u", "id account", (_OWN,)),
    "debit": ("ch amount_u", "id account", (_OWN,)),
    "emergency": ("ch", "", (_OWN,)),
    "restore": ("ch", "", (_OWN,)),
    "user": ("ch state", "", (_OWN,)),
    "supply": ("ch state", "", (_OWN,)),
    "release": ("ch claim", "", (_OWN,)),
    "debt": ("ch debt add_u", "", (_OWN,)),
    "account": ("ch action", "account lend_u", (_OWN,)),
    "quarantine": ("ch action", "", (_OWN,)),
    "status": ("ch", "", ()),
    "read": ("", "", ()),
    "link": ("", "", ()),
    "history": ("what from count", "", ()),
    "set": ("version set", "", (*_EVERYWHERE, "settings")),
    "time": ("t boot", "", (*_EVERYWHERE, "clock")),
    "key": ("wrapped check", "", ("keys",)),
    "calibrate": ("ch", "gain_ppm offset phase creep_dw", (_OWN,)),
    "maintenance": ("", "minutes", ("maintenance",)),
    # What these change is in the filesystem.
    "update": ("do", "release board manifest size file", ()),
    "chunk": ("file at data", "", ()),
}
_RANGES = {
    "ch": (1, CHANNELS),
    "amount_u": (1, 10**12),
    "add_u": (-(10**12), 10**12),
    "lend_u": (0, 10**12),
    "account": (1, LARGEST),
    "debt": (1, 3),
    "from": (1, LARGEST),
    "count": (1, 32),
    "version": (0, LARGEST),
    "t": (1_767_225_600, 2_650_838_399),
    "boot": (0, LARGEST),
    "release": (1, LARGEST),
    "size": (1, 65_535),
    "file": (0, 255),
    "at": (0, 65_535),
    "gain_ppm": (-100_000, 100_000),
    "offset": (-32_767, 32_767),
    "phase": (-32_767, 32_767),
    "creep_dw": (0, 1000),
    "minutes": (1, 240),
    "exp": (UNIX_OF_2020, UNIX_OF_2020 + LARGEST),
}
_WORDS = {
    "state": ("open", "close"),
    "claim": ("overload", "tamper"),
    "what": ("events", "profile"),
    "action": ("open", "close", "reset", "prepaid", "credit", "accept", "refuse"),
}


def opened(token, key):
    """The payload of a token that was signed with the key; None if it was not."""
    parts = token.split(b".")
    if len(token) > _LONGEST or len(parts) != 3:
        return None
    header, payload, signature = (_strict(part) for part in parts)
    mac = hmac.new(key, parts[0] + b"." + parts[1], hashlib.sha256).digest()
    if header is None or signature is None or not hmac.compare_digest(mac, signature):
        return None
    try:
        header = json.loads(header)
        good = header["alg"] == "HS256" and "crit" not in header
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return payload if good else None


def _strict(text):
    """The bytes of base64url as RFC 7515 has it: no padding, no spaces, no stray bits."""
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), b"-_", validate=True)
    except ValueError:
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=") == text else None


def numbered(payload):
    """The order of a payload, None if it is none that can be answered."""
    try:
        order = json.loads(payload)
    except (ValueError, TypeError, RecursionError):
        return None
    return order if type(order) is dict and _is(order.get("n"), 1, LARGEST) else None


def _is(value, low, high):
    return type(value) is int and low <= value <= high


def may_be_done(order, name):
    """Is the order one that a meter of this name may carry out at all?"""
    op = order.get("op")
    if type(op) is not str or op not in _RULES:
        return False
    needed, allowed, _ = _RULES[op]
    fields = set(order) - {"n", "op"}
    if not set(needed.split()) <= fields:
        return False
    if not fields <= {*needed.split(), *allowed.split(), "exp", "meter"}:
        return False
    return all(_fits(field, order[field], name) for field in fields)


def _fits(field, value, name):
    if field in _RANGES:
        return _is(value, *_RANGES[field])
    if field in _WORDS:
        return type(value) is str and value in _WORDS[field]
    if field == "meter":
        return value == name
    if field == "set":
        return type(value) is dict and 1 <= len(value) <= 16
    if field == "id":
        return type(value) is str and len(value) <= 40
    return type(value) is str  # wrapped, check


class Numbers:
    """Which order numbers are spent."""

    def __init__(self):
        self.highest = 0
        self._spent = {}

    def of(self, n):
        """The code that the number was spent with, else "new", or "old" if that is forgotten."""
        if n <= self.highest - _WINDOW:
            return "old"
        return self._spent.get(n, "new")

    def spend(self, n, code):
        self._spent[n] = code
        self.highest = max(self.highest, n)


def allowed_changes(order, code):
    """The parts of OrderBoard.state() that may differ after this answer."""
    parts = {"numbers"}
    if code in _DONE:
        own = {order["ch"]} if "ch" in order else set()
        for part in _RULES[order["op"]][2]:
            parts |= own if part == _OWN else {part}
    return parts


def fault(order, answer, numbers, name):
    """What is wrong with the answer to an order that is authentic, "" if nothing is. Its number is
    spent with it.
    """
    code = answer["code"]
    n = order["n"]
    before = numbers.of(n)
    if before == "new":
        if code not in CODES:
            return f"{code} for a new number"
        if code in _DONE and not may_be_done(order, name):
            return f"{code}, which it may not be"
        if code != "store":
            numbers.spend(n, code)
    elif before == "old":
        if code != "old":
            return f"{code} for a number long past"
    elif code != "replayed" or answer["first"] != before:
        return f"{code} for a number that was {before}"
    return ""

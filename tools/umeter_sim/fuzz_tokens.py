"""Tokens that go wrong: good ones of every operation, mutated."""

import base64
import hashlib
import hmac
import json

from umeter_sim.order_board import sign
from umeter_sim.order_keys import wrapping
from umeter_sim.order_samples import UNIX, sample

_HEADER = b'{"alg":"HS256"}'
_HEADERS = (
    b'{"alg":"none"}',
    b'{"alg":"RS256"}',
    b'{"alg":"HS256","crit":["exp"]}',
    b'{"alg":["HS256"]}',
    b'{"alg":"HS256","typ":"JWT"}',
    b'{"ALG":"HS256"}',
    b'"HS256"',
    b"[]",
    b"",
)
# As JSON has them, some of what it has not.
_VALUES = """
true false null 0 -1 1 2 3 4 64 65 1.0 1.5 1e3 1e400 -1e-9 NaN Infinity -Infinity 01 +1 0x10 255
65536 1073741823 1073741824 2147483648 4294967296 9223372036854775808 "" "1" "open" "\\ud800"
"\\u0000" [] {} [[]] {"a":1} [1,2,3] "credit" "__init__" "settle" "%s" "ch.1.price_u_per_kwh"
"""
_NAMES = """
n op exp ch amount_u id account state claim debt add_u action lend_u what from count version set t
boot wrapped check meter key N __class__ price_u_per_kwh ch.1.price_u_per_kwh
"""


def _url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


class Tokens:
    """An endless source. key: of the meter. name: of it."""

    def __init__(self, rng, key, name):
        self._rng = rng
        self.key = key
        self.name = name
        self._n = 0
        self._version = 0
        self._earlier = [b""]
        self._values = _VALUES.split()
        self._names = _NAMES.split()
        self._makers = (
            [self._good] * 3
            + [self._changed] * 8
            + [self._text] * 3
            + [self._flipped, self._cut, self._spliced, self._encoded, self._foreign, self._headed]
            + [self._any_payload, self._again, self._noise, self._dotted]
        )

    def next(self):
        """A token, good or not."""
        token = self._rng.choice(self._makers)()
        if self._rng.random() < 0.2:
            self._earlier = [*self._earlier[-40:], token]
        return token

    def _order(self):
        rng = self._rng
        self._n += rng.choice((1, 1, 1, 1, 2, 3))
        n = max(1, self._n - rng.randrange(80)) if rng.random() < 0.1 else self._n
        order = {"n": n, **sample(rng)}
        if order["op"] == "set":
            self._version += rng.choice((1, 1, 0, -1))
            order["version"] = max(0, self._version)
        if order["op"] == "key":
            order.update(wrapping(order["n"], self.key, rng.randbytes(32)))
        if rng.random() < 0.2:
            order["meter"] = rng.choice((self.name, self.name, "another"))
        return order

    def _payload(self):
        return json.dumps(self._order()).encode()

    def _good(self):
        return sign(self.key, self._payload())

    def _changed(self):
        """Signed, but not what the operation wants."""
        rng = self._rng
        order = {name: json.dumps(value) for name, value in self._order().items()}
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            what = rng.randrange(6)
            name = rng.choice(list(order)) if order else "n"
            if name == "n" and rng.random() < 0.8:
                continue  # or nobody could answer
            if what == 0:
                order.pop(name, None)
            elif what == 1:
                order[rng.choice(self._names)] = self._value()
            elif what == 2:
                order[name] = order[rng.choice(list(order))] if order else "1"
            elif name == "set" and what == 3:
                order[name] = "{%s:%s}" % (json.dumps(rng.choice(self._names)), self._value())
            else:
                order[name] = self._value()
        pairs = ["%s:%s" % (json.dumps(name), value) for name, value in order.items()]
        if rng.random() < 0.1:
            pairs.append("%s:%s" % (json.dumps(rng.choice(self._names)), self._value()))
        return sign(self.key, ("{" + ",".join(pairs) + "}").encode())

    def _value(self):
        rng = self._rng
        kind = rng.randrange(12)
        if kind == 0:
            return "9" * rng.randrange(1, 900)
        if kind == 1:
            return "[" * rng.randrange(1, 600) + rng.choice(("", "]" * 300))
        if kind == 2:
            depth = rng.randrange(1, 200)
            return '{"a":' * depth + "1" + "}" * depth
        if kind == 3:
            return json.dumps("x" * rng.randrange(1200))
        if kind == 4:
            return str(rng.randrange(-(1 << rng.randrange(1, 70)), 1 << rng.randrange(1, 70)))
        if kind == 5:
            return str(UNIX + rng.randrange(-100, 100))
        return rng.choice(self._values)

    def _text(self):
        """Signed, with the JSON itself damaged."""
        return sign(self.key, self._damaged(self._payload()))

    def _damaged(self, raw):
        rng = self._rng
        raw = bytearray(raw)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(raw) + 1)
            what = rng.randrange(4)
            if what == 0:
                raw[at : at + 1] = bytes((rng.randrange(256),))
            elif what == 1:
                del raw[at : at + rng.randrange(1, 9)]
            elif what == 2:
                raw[at:at] = rng.randbytes(rng.randrange(1, 9))
            else:
                raw[at:at] = rng.choice((b'"', b"{", b"[", b"}", b",", b":", b"\\u00", b"\x00"))
        return bytes(raw)

    def _flipped(self):
        token = bytearray(self._good())
        for _ in range(self._rng.choice((1, 1, 1, 2, 3))):
            token[self._rng.randrange(len(token))] ^= 1 << self._rng.randrange(8)
        return bytes(token)

    def _cut(self):
        token = self._good()
        low, high = sorted(self._rng.randrange(len(token) + 1) for _ in range(2))
        return self._rng.choice((token[:low], token[low:], token[:low] + token[high:]))

    def _spliced(self):
        rng = self._rng
        one = self._good().split(b".")
        other = rng.choice((self._good(), rng.choice(self._earlier))).split(b".")
        return b".".join(rng.choice(pair) for pair in zip(one, other * 3, strict=False))

    def _encoded(self):
        """What a lenient base64 would forgive."""
        rng = self._rng
        parts = self._good().split(b".")
        i = rng.randrange(3)
        part = parts[i]
        at = rng.randrange(len(part) + 1)
        choices = (
            part + b"=" * rng.randrange(1, 4),
            part.replace(b"-", b"+").replace(b"_", b"/") + rng.choice((b"", b"=")),
            part[:at] + rng.choice((b"\n", b" ", b"\r\n", b"=", b"\x00", b"!")) + part[at:],
            part[:-1] + bytes((rng.choice(b"ABCDEFGHabcdefgh0123456789-_"),)),
            part + rng.choice((b"A", b"AA", b"AAAA")),
        )
        parts[i] = rng.choice(choices)
        return b".".join(parts)

    def _foreign(self):
        rng = self._rng
        keys = (rng.randbytes(32), b"", self.key[:-1], self.key + b"\x00", self.key[::-1])
        return sign(rng.choice(keys), self._payload())

    def _headed(self):
        """Signed with the key over another header."""
        header = self._rng.choice((*_HEADERS, self._damaged(_HEADER)))
        return self._signed(_url(header), self._payload())

    def _signed(self, header, payload):
        signed = header + b"." + _url(payload)
        return signed + b"." + _url(hmac.new(self.key, signed, hashlib.sha256).digest())

    def _any_payload(self):
        rng = self._rng
        payloads = (rng.randbytes(rng.randrange(60)), self._value().encode())
        return sign(self.key, rng.choice(payloads))

    def _again(self):
        return self._rng.choice(self._earlier)

    def _noise(self):
        return self._rng.randbytes(self._rng.choice((0, 1, 2, 30, 200, 2048, 2049, 4000)))

    def _dotted(self):
        rng = self._rng
        token = self._good()
        dots = b"." * rng.randrange(1, 6)
        return rng.choice((dots, dots + token, token + dots, token.replace(b".", dots)))

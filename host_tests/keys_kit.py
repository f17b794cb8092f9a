"""Orders that change a meter's key, as a station makes them."""

import base64
import hashlib
import hmac
import json

from umeter.net.envelope import sign, verify

SITE = bytes(range(32))
FIRST = bytes(range(100, 132))
SECOND = bytes(range(200, 232))


def key_order(n, new, under, **more):
    mask = hmac.digest(under, b"umeter key %d" % n, "sha256")
    wrapped = bytes(a ^ b for a, b in zip(new, mask, strict=True))
    order = {
        "n": n,
        "op": "key",
        "wrapped": base64.urlsafe_b64encode(wrapped).decode().rstrip("="),
        "check": hashlib.sha256(new).hexdigest()[:16],
    }
    return order | more


def send(board, order, under):
    """The answer under the same key; None if the order was not believed."""
    token = board.commands.handle(sign(under, json.dumps(order).encode()))
    return token if token is None else json.loads(verify(under, token, 8192))


def rotate(board, n, new, under):
    answer = send(board, key_order(n, new, under), under)
    return answer and answer["code"]


def read(board, n, under):
    answer = send(board, {"n": n, "op": "read"}, under)
    return answer and answer["code"]

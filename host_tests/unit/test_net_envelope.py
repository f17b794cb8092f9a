"""The envelope against its RFCs, against PyJWT, and against everything that is not quite a
token.
"""

import base64
import hashlib
import hmac

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.api_jws import PyJWS

from umeter.net.envelope import hmac_sha256, sign, verify

KEY = bytes(range(32))


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signed(header, payload=b"{}", key=KEY):
    """A token with any header, its signature good."""
    text = b64(header) + b"." + b64(payload)
    return text + b"." + b64(hmac.new(key, text, hashlib.sha256).digest())


# RFC 4231, sections 4.2 to 4.8; the fifth gives 128 bits only.
RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data."
        b" The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]

# RFC 7515, appendix A.1
RFC_7515_KEY = base64.urlsafe_b64decode(
    b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
)
RFC_7515_TOKEN = (
    b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    b"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    b".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)


@pytest.mark.parametrize("key, message, digest", RFC_4231)
def test_rfc_4231(key, message, digest):
    assert hmac_sha256(key, message).hex()[: len(digest)] == digest


def test_rfc_7515_a1():
    payload = verify(RFC_7515_KEY, RFC_7515_TOKEN)
    assert payload == (
        b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
    )


@given(st.binary(min_size=32, max_size=150), st.binary(max_size=300))
def test_round_trip_and_pyjwt_agree(key, payload):
    token = sign(key, payload)
    assert verify(key, token) == payload
    assert PyJWS(algorithms=["HS256"]).decode(token, key, algorithms=["HS256"]) == payload
    theirs = PyJWS(algorithms=["HS256"]).encode(payload, key, algorithm="HS256")
    assert verify(key, theirs.encode()) == payload


@given(st.binary(max_size=400))
def test_any_bytes_are_refused(noise):
    assert verify(KEY, noise) is None


@given(st.data())
def test_any_other_byte_is_refused(data):
    token = sign(KEY, b'{"n":1,"op":"read"}')
    at = data.draw(st.integers(0, len(token) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != token[at]))
    assert verify(KEY, token[:at] + bytes([byte]) + token[at + 1 :]) is None


@given(st.integers(0, 200), st.binary(max_size=3))
def test_any_cut_or_tail_is_refused(cut, tail):
    token = sign(KEY, b'{"n":1,"op":"read"}')
    changed = token[: min(cut, len(token) - 1)] + tail
    if changed != token:
        assert verify(KEY, changed) is None
    if tail:
        assert verify(KEY, token + tail) is None


def test_wrong_key():
    assert verify(bytes(32), sign(KEY, b"{}")) is None


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none"}',
        b'{"alg":"HS384"}',
        b'{"alg":"hs256"}',
        b'{"alg":["HS256"]}',
        b'{"alg":"HS256","crit":["exp"]}',
        b'{"typ":"JWT"}',
        b'["alg"]',
        b'"alg"',
        b"7",
        b"null",
        b"",
        b"{",
        b"\xff\xfe",
    ],
)
def test_well_signed_but_wrong_header(header):
    assert verify(KEY, signed(b'{"alg":"HS256"}')) == b"{}"
    assert verify(KEY, signed(header)) is None


def test_alg_none_without_signature():
    assert verify(KEY, b64(b'{"alg":"none"}') + b"." + b64(b'{"n":1}') + b".") is None
    assert jwt.get_unverified_header(sign(KEY, b"{}")) == {"alg": "HS256"}


@pytest.mark.parametrize(
    "payload",
    [
        b"e30=",  # padded
        b"e31",  # stray bits in the last character
        b"e3 0",
        b"e30\n",
        b"e",  # no such length
        b"+/+/",  # the other alphabet
        b"e3\xff",
    ],
)
def test_payload_must_be_strict_base64url(payload):
    text = b64(b'{"alg":"HS256"}') + b"." + payload
    token = text + b"." + b64(hmac.new(KEY, text, hashlib.sha256).digest())
    assert verify(KEY, token) is None


def test_length_limit_comes_before_any_work():
    token = sign(KEY, b"x" * 3000)
    assert verify(KEY, token) is None
    assert verify(KEY, token, len(token)) == b"x" * 3000

"""What a log line must not tell: passwords, tokens, keys, PINs. Rather too much is hidden than too
little: whoever needs it has the database.

Three nets, one behind the other: the names of fields, the shape of texts, and the very secrets
that this process was given (`hide`).
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

HIDDEN = "[hidden]"
_SHORTEST = 4  # of a secret that is looked for as it is
_DEEPEST = 8
_NAMES = (
    r"pass(?:word|wd|phrase|code)?|secrets?|tokens?|authorization|credentials?|cookies?|csrf"
    r"|pins?|otp|totp|hmac|mac|signature|jws|dsn|key|api[_-]?keys?|sealed|hash"
)
_SECRET_NAME = re.compile(rf"(?:^|.*[_\W])(?:{_NAMES})(?:[_\W].*)?", re.IGNORECASE)
# Of sales and orders: told at the desk and printed on receipts.
_OPEN_NAMES = {"purchase_key", "order_key", "idempotency_key", "sale_key"}
_PAIR = re.compile(
    rf"(?<![A-Za-z0-9])((?:[\w-]*[_-])?(?:{_NAMES})(?:[_-][\w-]*)?[\"']?\s*[=:]\s*)"
    r"(\"[^\"]*\"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s\"',;&)}\]]+)",
    re.IGNORECASE,
)
_SHAPES = (
    (re.compile(r"(\w://[^\s/:@]*:)[^\s@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(bearer|basic)\s+[\w+/=.~-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*"), HIDDEN),  # a signed order or answer
    (re.compile(r"\b(?:sk|rk|pk|whsec)_\w{8,}"), HIDDEN),
    (re.compile(r"\$argon2\w*\$\S+|\$7\$\d+\$\S+"), HIDDEN),
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{64}(?![0-9A-Za-z])"), HIDDEN),
    (re.compile(r"\bumk_[\w-]{8,}"), HIDDEN),  # an API key
    (re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])"), HIDDEN),  # 256 bits in base64, as of a session
)
_known: set[str] = set()


def hide(*secrets: str | None) -> None:
    """From now on these texts are in no line of this process."""
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST:
            _known.update((secret, quote(secret, safe="")))


def scrub(text: str) -> str:
    """The text without what looks like a secret or is one."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _PAIR.sub(_pair, text)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _pair(found: re.Match) -> str:
    name = re.split(r"[\"'\s=:]", found[1], maxsplit=1)[0].lower()
    return found[0] if name in _OPEN_NAMES else found[1] + HIDDEN


def is_secret_name(name: str) -> bool:
    return name.lower() not in _OPEN_NAMES and _SECRET_NAME.fullmatch(name) is not None


def cleaned(value: Any, depth: int = 0) -> Any:
    """A value that may be printed: the same for numbers, scrubbed for all else."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {
            str(name): HIDDEN if is_secret_name(str(name)) else cleaned(inner, depth + 1)
            for name, inner in value.items()
        }
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [cleaned(inner, depth + 1) for inner in value]
    return scrub(value if isinstance(value, str) else repr(value))


def redact(_logger: Any, _method: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """The last processor before a line is rendered."""
    return cleaned(line)

"""What people type about people, checked and brought into one form."""

import re
import unicodedata

from umeter_station.errors import StationError

_EMAIL = re.compile(r"[^\s@<>,;:\"'\\]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_PHONE = re.compile(r"\+?[0-9]{3,15}")
_ABROAD = re.compile(r"\+[1-9][0-9]{6,14}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_MAX_CHARS = 120


def is_plain(text: str) -> bool:
    """Nothing in it that steers a terminal, a printer, or the direction of writing."""
    return not any(unicodedata.category(char).startswith("C") for char in text)


def name(text: str, what: str) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if not text or len(text) > _MAX_CHARS or not is_plain(text):
        raise StationError(f"{what} has 1 to {_MAX_CHARS} printable characters.")
    return text


def note(text: str, what: str) -> str:
    """As name(), but it may be empty."""
    return name(text, what) if text.strip() else ""


def email(text: str) -> str:
    text = text.strip()
    if text and (len(text) > 254 or not _EMAIL.fullmatch(text)):
        raise StationError("That is no e-mail address; write it as name@example.org.")
    return text


def phone(text: str) -> str:
    text = re.sub(r"[ ()/.-]", "", text)
    if text and not _PHONE.fullmatch(text):
        raise StationError("That is no telephone number; write it as +491701234567.")
    return text


def is_international(number: str) -> bool:
    """It begins with its country's code (E.164), so that it means the same to everybody."""
    return _ABROAD.fullmatch(number) is not None


def language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise StationError("A language is two or three letters, as en or pt-BR.")
    return text


def login(text: str) -> str:
    """The name somebody signs in with."""
    text = text.strip().lower()
    if not _LOGIN.fullmatch(text):
        raise StationError(
            "A sign-in name is 1 to 64 letters, digits and . _ @ + -, the first a letter or digit."
        )
    return text

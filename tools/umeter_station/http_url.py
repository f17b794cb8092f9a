"""The URL of a webhook: http:// or https://, with a host, and no login in it."""

import re
from urllib.parse import urlsplit

_BLANK = re.compile(r"[\s\x00-\x20\x7f]")


def is_webhook(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")  # as it is looked up
        good = parts.scheme in ("http", "https") and host and parts.port != 0
    except ValueError:
        return False
    return bool(good) and "@" not in parts.netloc and url.isascii() and not _BLANK.search(url)

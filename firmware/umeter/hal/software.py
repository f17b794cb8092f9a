"""The digest of the software in the board's filesystem: it tells a station what a meter runs."""

import hashlib
import os
from binascii import hexlify

from micropython import const

_CHUNK_BYTES = const(512)


def digest(package_path):
    """First 16 hex digits of the SHA-256 over names and contents below a package, in the order of
    their names.

    package_path: its `__path__`, a text here and a list on CPython. "frozen" where it is no
    folder: then the firmware image itself says what it is.
    """
    whole = hashlib.sha256()
    try:
        _add_folder(whole, package_path if isinstance(package_path, str) else package_path[0])
    except OSError:
        return "frozen"
    return hexlify(whole.digest()).decode()[:16]


def _add_folder(whole, folder):
    for name in sorted(os.listdir(folder)):
        path = folder + "/" + name
        if "." in name:
            whole.update(name.encode())
            _add_file(whole, path)
        elif name != "__pycache__":
            _add_folder(whole, path)


def _add_file(whole, path):
    chunk = bytearray(_CHUNK_BYTES)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(chunk)
            if not n:
                return
            whole.update(memoryview(chunk)[:n])

"""`os` and `open` as the chip has them: errors with the chip's numbers, sizes in listings, and
nothing in the root but what lies in the board's flash.
"""

import builtins
import os as _os
import sys

# The interpreter's own numbers are WASI's.
_ERRNO = {2: 13, 8: 9, 20: 17, 28: 22, 31: 21, 44: 2, 51: 28, 54: 20, 55: 39, 63: 1}
_GUARDED = ("stat", "remove", "unlink", "rename", "mkdir", "rmdir", "chdir", "statvfs")
_CHIP = ("dev", "proc", "tmp", "home", "sim", "frozen", "chip")


class _Os:
    """Stands for the module."""

    def __init__(self):
        for name in dir(_os):
            if not name.startswith("__"):
                setattr(self, name, getattr(_os, name))
        for name in _GUARDED:
            setattr(self, name, _guarded(getattr(_os, name)))
        listed = _guarded(_os.ilistdir)

        def ilistdir(path=""):
            root = _os.getcwd() if path in ("", ".") else path
            entries = []
            for name, kind, *_ in listed(path):
                if root != "/" or name not in _CHIP:
                    size = _os.stat(root.rstrip("/") + "/" + name)[6]
                    entries.append((name, kind, 0, size))
            return iter(entries)

        self.ilistdir = ilistdir
        self.listdir = lambda path="": [entry[0] for entry in ilistdir(path)]


def _guarded(function):
    def call(*args):
        try:
            return function(*args)
        except OSError as error:
            raise OSError(_ERRNO.get(error.args[0], error.args[0]))

    return call


def install():
    sys.modules["os"] = _Os()
    builtins.open = _guarded(open)

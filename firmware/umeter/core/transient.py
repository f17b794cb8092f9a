"""Code that is seldom needed does not stay: imported .mpy code lives in the heap.

Such a module is imported inside the function that needs it and forgotten right after.
"""

import sys


def forget(*modules):
    """Take modules out of sys.modules and their packages; the collector does the rest."""
    for module in modules:
        _forget(module.__name__)


def run(name, function, *args):
    """Call a function of a module that is forgotten at once, and so is what it imported. name: of
    the module, below umeter.
    """
    name = "umeter." + name
    there = set(sys.modules)
    try:
        __import__(name)
        return getattr(sys.modules[name], function)(*args)
    finally:
        for other in list(sys.modules):
            if other.startswith("umeter.") and other not in there:
                _forget(other)


def _forget(name):
    package, _, last = name.rpartition(".")
    sys.modules.pop(name, None)
    if hasattr(sys.modules.get(package), last):
        delattr(sys.modules[package], last)

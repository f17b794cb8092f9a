"""Code that is seldom needed does not stay: imported .mpy code lives in the heap.

Such a module is imported inside the function that needs it and forgotten right after.
"""

import sys


def forget(*modules):
    """Take modules out of sys.modules and their packages; the collector does the rest."""
    for module in modules:
        package, _, name = module.__name__.rpartition(".")
        sys.modules.pop(module.__name__, None)
        if hasattr(sys.modules[package], name):
            delattr(sys.modules[package], name)

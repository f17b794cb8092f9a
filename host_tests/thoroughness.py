"""How much of what could be tried a test tries: a share by default, so that all tests together
take some minutes; everything with UMETER_THOROUGH=1, which takes an hour.
"""

import os

import pytest

IS_THOROUGH = bool(os.environ.get("UMETER_THOROUGH"))


def every(step):
    """The step of a range that a quick run goes through in steps."""
    return 1 if IS_THOROUGH else step


def share(whole, quick):
    return whole if IS_THOROUGH else quick


def one_in(step, values):
    """Parameters of a test: each so-manieth always, those between with `make test-slow`."""
    found = []
    for index, value in enumerate(values):
        given = value if isinstance(value, tuple) else (value,)
        found.append(pytest.param(*given, marks=[pytest.mark.slow] if index % step else []))
    return found

"""How much of what could be tried a test tries: a share by default, so that all tests together
take some minutes; everything with UMETER_THOROUGH=1, which takes an hour.
"""

import os

IS_THOROUGH = bool(os.environ.get("UMETER_THOROUGH"))


def every(step):
    """The step of a range that a quick run goes through in steps."""
    return 1 if IS_THOROUGH else step


def share(whole, quick):
    return whole if IS_THOROUGH else quick

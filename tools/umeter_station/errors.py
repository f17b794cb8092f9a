"""What the station says when it cannot do what was asked: one sentence, with a way out."""


class StationError(Exception):
    """A refusal meant for the person at the desk; `str()` is one sentence."""


class Conflict(StationError):
    """It goes against what was done before: another use of the same idempotency key, or settings
    that were changed meanwhile."""

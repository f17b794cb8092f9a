"""What the station says when it cannot do what was asked: one sentence, with a way out."""


class StationError(Exception):
    """A refusal meant for the person at the desk; `str()` is one sentence."""


class Conflict(StationError):
    """It goes against what was done before: another use of the same idempotency key, or settings
    that were changed meanwhile."""


class NotFound(StationError):
    """There is nothing of that name."""


class Unavailable(StationError):
    """The database cannot be used just now; nothing was done, and the same may be asked again."""

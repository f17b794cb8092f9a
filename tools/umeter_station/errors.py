"""What the station says when it cannot do what was asked: one sentence, with a way out."""


class StationError(Exception):
    """A refusal meant for the person at the desk; `str()` is one sentence."""


class Conflict(StationError):
    """The same idempotency key was used before for something else."""

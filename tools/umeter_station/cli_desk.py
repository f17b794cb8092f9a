"""`umeter-station quote`, `shift`, `receipt`, `agents`, `tariffs`, `ledger`, `reconcile`."""

import getpass


def who() -> str:
    """Whoever sits at this terminal, as the acts name him."""
    try:
        return f"operator:{getpass.getuser()}"
    except (OSError, KeyError):  # A container may have no name for its user.
        return "operator:terminal"

"""What a database's error says to people: one sentence, and never a password."""

import sqlite3

import sqlalchemy as sa

from umeter_station.errors import Unavailable

# The file is locked by another, unreadable, full or cannot be opened.
_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
# Classes of SQLSTATE: no connection, insufficient resources, the server shuts down or starts.
_POSTGRESQL = {
    "08": "its server ended the connection",
    "53": "its server has no room for this",
    "57": "its server is being stopped or started",
}
_STATES = {
    "28P01": "the password is wrong",
    "28000": "its server does not let this user in",
    "3D000": "its server has no database of that name",
    "40001": "others changed the same",
    "40P01": "others changed the same",
    "55P03": "another one has it locked",
}


def unavailable(name: str, error: sa.exc.SQLAlchemyError) -> Unavailable | None:
    """The error as a sentence on the database `name`; None if it is the statement's fault."""
    why = _why(error)
    if why is None:
        return None
    return Unavailable(f"The database {name} cannot be used now: {why}; try again later.")


def _why(error: sa.exc.SQLAlchemyError) -> str | None:
    if isinstance(error, sa.exc.TimeoutError):
        return "too many ask it at once"
    if not isinstance(error, sa.exc.DBAPIError):
        return None
    original = error.orig
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", 0) & 0xFF
        return str(original) if code in _SQLITE else None
    state = getattr(original, "sqlstate", None) or _told_state(str(original))
    if state is not None:
        return _STATES.get(state) or _POSTGRESQL.get(state[:2])
    if error.connection_invalidated:
        return _POSTGRESQL["08"]
    return "its server does not answer" if isinstance(error, sa.exc.OperationalError) else None


def _told_state(text: str) -> str | None:
    # What goes wrong while connecting comes without a SQLSTATE.
    for words, state in (
        ("password authentication failed", "28P01"),
        ("no password supplied", "28P01"),
        ("no pg_hba.conf entry", "28000"),
        ("does not exist", "3D000"),
        ("too many clients", "53300"),
        ("remaining connection slots", "53300"),
        ("the database system is", "57P03"),
    ):
        if words in text:
            return state
    return None

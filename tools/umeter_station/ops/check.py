"""Do the books agree with themselves? Asked after a restore and after an upgrade."""

from sqlalchemy import Connection

from umeter_station import ledger_check
from umeter_station.people import acts


def books(conn: Connection) -> tuple[str, ...]:
    """One sentence for each thing that does not agree."""
    found = ledger_check.check(conn)
    verdict = acts.verify(conn)
    if not verdict.is_sound:
        found.append(
            f"The record of what people did is broken at act {verdict.broken_n}"
            f" ({verdict.reason}): it was altered."
        )
    return tuple(found)

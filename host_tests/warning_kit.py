"""Households at one meter that want warnings of a low credit, and the meter's events."""

from alert_kit import open_books
from station_kit import NOW_S, new_database
from umeter_station.models import events
from umeter_station.people import privacy, tenants

LANGUAGES = {1: "en", 2: "zh", 3: "en"}
WANTS_NONE = 3


def open_households(home, languages=LANGUAGES):
    """Books of a station in which tenant n lives at channel n of m1 for 1000 s, reads `languages`,
    and wants warnings both ways, unless it is the third."""
    new_database(home).close()
    books = open_books(home)
    with books.db.write() as conn:
        for ch, language in languages.items():
            reached = {"email": f"t{ch}@example.org", "phone": f"+49 170 000000{ch}"}
            tenant_id = tenants.add(conn, f"T{ch}", "system", NOW_S, **reached, language=language)
            tenants.move_in(conn, tenant_id, "m1", ch, NOW_S - 1000, "system", NOW_S)
            for purpose in ("alerts.email", "alerts.sms") if ch != WANTS_NONE else ():
                privacy.agree(conn, tenant_id, purpose, "system", NOW_S)
    return books


def happen(books, n, ch, code="credit.low", a=2_999_999, at_s=NOW_S):
    row = {"meter": "m1", "n": n, "boot": 1, "t": at_s, "code": code, "ch": ch, "a": a, "b": 0}
    with books.db.write() as conn:
        conn.execute(events.insert().values(**row, received_at=at_s))

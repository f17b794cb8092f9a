"""PINs for the telephone: argon2id, three tries, then locked, each time for twice as long; after
the fifth lock until an operator unlocks it.

A try is counted before it is looked at, in a transaction of its own: who tries many at once has
no more tries than who tries one after the other.
"""

import functools
import re
import secrets
from itertools import pairwise

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection

from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.errors import NotFound, StationError
from umeter_station.models_pay import phone_calls, phone_pins
from umeter_station.people import acts, tenants
from umeter_station.sql import insert

TRIES = 3
FIRST_LOCK_S = 15 * 60
LOCKS = 5
FOR_GOOD = -1
_PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
# As OWASP has it for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Refused(StationError):
    """Wrong, or not allowed to try: it does not tell which."""

    def __init__(self) -> None:
        super().__init__("The PIN is not right, or locked; ask the operator if that goes on.")


@functools.cache
def _nobodys() -> str:
    """What a caller without a PIN is compared with, so that he waits as long as one with a wrong
    one."""
    return _HASHER.hash(secrets.token_hex(8))


def check(pin: str) -> str:
    """Raises StationError for a PIN that is none, or one that everybody tries first."""
    if _PIN.fullmatch(pin) is None:
        raise StationError("A PIN is 4 to 8 digits.")
    steps = {int(b) - int(a) for a, b in pairwise(pin)}
    if steps in ({0}, {1}, {-1}):
        raise StationError("That PIN would be guessed; use no row of equal or counted digits.")
    return pin


def hashed(pin: str) -> str:
    """Outside of transactions: it takes a while, as it should."""
    return _HASHER.hash(check(pin))


def store(conn: Connection, tenant_id: int, pin_hash: str, by: str, now_s: int) -> None:
    """A new PIN; it unlocks, and ends the calls that began with the old one."""
    tenants.get(conn, tenant_id)
    row = {
        "hash": pin_hash,
        "set_at": now_s,
        "set_by": by,
        "tries": 0,
        "locks": 0,
        "locked_until": 0,
    }
    new = insert(conn, phone_pins).values(tenant_id=tenant_id, **row)
    conn.execute(new.on_conflict_do_update(index_elements=["tenant_id"], set_=row))
    end_calls(conn, tenant_id)
    acts.note(conn, by, "phone.pin", f"tenant:{tenant_id}", {}, now_s)


def unlock(conn: Connection, tenant_id: int, by: str, now_s: int) -> None:
    values = {"tries": 0, "locks": 0, "locked_until": 0}
    changed = conn.execute(
        sa.update(phone_pins).where(phone_pins.c.tenant_id == tenant_id).values(values)
    )
    if changed.rowcount != 1:
        raise NotFound(f"Tenant {tenant_id} has no PIN; set one.")
    acts.note(conn, by, "phone.unlock", f"tenant:{tenant_id}", {}, now_s)


def remove(conn: Connection, tenant_id: int, by: str, now_s: int) -> None:
    conn.execute(sa.delete(phone_pins).where(phone_pins.c.tenant_id == tenant_id))
    end_calls(conn, tenant_id)
    acts.note(conn, by, "phone.remove", f"tenant:{tenant_id}", {}, now_s)


def end_calls(conn: Connection, tenant_id: int) -> None:
    conn.execute(sa.delete(phone_calls).where(phone_calls.c.tenant_id == tenant_id))


def locked(conn: Connection, now_s: int) -> dict[int, int]:
    """{tenant: until when}, FOR_GOOD for those that wait for an operator."""
    p = phone_pins.c
    rows = conn.execute(
        sa.select(p.tenant_id, p.locked_until)
        .where((p.locked_until == FOR_GOOD) | (p.locked_until > now_s))
        .order_by(p.tenant_id)
    )
    return {row.tenant_id: row.locked_until for row in rows}


def verify(db: Database, clock: Clock, tenant_id: int | None, pin: str) -> None:
    """Raises Refused. `tenant_id` None: nobody was found, which must not show."""
    known = None
    if tenant_id is not None:
        with db.write() as conn:
            known = _count_try(conn, tenant_id, clock.now_s())
    try:
        _HASHER.verify(known or _nobodys(), pin)
    except (VerifyMismatchError, InvalidHashError):
        if known is not None and tenant_id is not None:
            with db.write() as conn:
                _note_lock(conn, tenant_id, clock.now_s())
        raise Refused() from None
    if known is None or tenant_id is None:
        raise Refused()
    with db.write() as conn:
        p = phone_pins.c
        # Not if another PIN was set in the meantime.
        done = conn.execute(
            sa.update(phone_pins)
            .where(p.tenant_id == tenant_id, p.hash == known)
            .values(tries=0, locks=0, locked_until=0)
        )
    if done.rowcount != 1:
        raise Refused()


def _count_try(conn: Connection, tenant_id: int, now_s: int) -> str | None:
    """The PIN's hash, if it may be tried now."""
    p = phone_pins.c
    row = conn.execute(sa.select(phone_pins).where(p.tenant_id == tenant_id)).first()
    if row is None or row.locked_until == FOR_GOOD or now_s < row.locked_until:
        return None
    values = {"tries": row.tries + 1}
    if values["tries"] >= TRIES:
        locks = row.locks + 1
        until = FOR_GOOD if locks >= LOCKS else now_s + FIRST_LOCK_S * 2 ** (locks - 1)
        values = {"tries": 0, "locks": locks, "locked_until": until}
    conn.execute(sa.update(phone_pins).where(p.tenant_id == tenant_id).values(values))
    return row.hash


def _note_lock(conn: Connection, tenant_id: int, now_s: int) -> None:
    p = phone_pins.c
    row = conn.execute(
        sa.select(p.tries, p.locks, p.locked_until).where(p.tenant_id == tenant_id)
    ).first()
    if row is not None and row.tries == 0 and row.locked_until != 0:
        detail = {"locks": row.locks, "until": row.locked_until}
        acts.note(conn, "system", "phone.lock", f"tenant:{tenant_id}", detail, now_s)

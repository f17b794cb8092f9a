"""Who is told of findings: mail addresses and webhooks, of what, and when not."""

import fnmatch
import json
import re
import secrets as tokens
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import http_url, secrets
from umeter_station.errors import Conflict, NotFound, StationError
from umeter_station.models_watch import alert_outbox, alert_targets, finding_history
from umeter_station.people import acts
from umeter_station.watch.catalog import BY_ID, NOTED, SEVERITIES

KINDS = ("email", "webhook")
DAY_MIN = 1440
_NAME = re.compile(r"[A-Za-z0-9_. -]{1,64}", re.ASCII)
# One mailbox, and nothing that could begin another header or another recipient.
_MAILBOX = re.compile(r"[^\s@,;<>\"()\[\]\\:]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)
_SECRET_BYTES = 32
_t = alert_targets.c


@dataclass(frozen=True)
class Target:
    """`severity`: this and worse. `rules`, `sites` (names) and `meters` (patterns as m1*): all if
    empty. Nothing but what is critical is sent from `quiet_from` to before `quiet_to`, minutes of
    the day in `tz`; `digest_min`: so often at the most, in one message, 0 for at once."""

    id: int
    name: str
    kind: str
    address: str
    severity: str
    rules: tuple[str, ...]
    sites: tuple[str, ...]
    meters: tuple[str, ...]
    quiet_from: int
    quiet_to: int
    tz: str
    digest_min: int
    enabled: bool
    told_id: int

    def wants(self, rule: str, severity: str, meter: str, site: str) -> bool:
        """`site`: where the meter is, or what the finding is about."""
        return (
            SEVERITIES.index(severity) >= SEVERITIES.index(self.severity)
            and (not self.rules or rule in self.rules)
            and (not self.sites or site in self.sites)
            and (not self.meters or any(fnmatch.fnmatchcase(meter, p) for p in self.meters))
        )


_COLUMNS = [alert_targets.c[name] for name in Target.__dataclass_fields__]


def add(
    conn: Connection,
    name: str,
    kind: str,
    address: str,
    by: str,
    now_s: int,
    *,
    severity: str = "alarm",
    rules: tuple[str, ...] = (),
    sites: tuple[str, ...] = (),
    meters: tuple[str, ...] = (),
    quiet_from: int = 0,
    quiet_to: int = 0,
    tz: str = "UTC",
    digest_min: int = 0,
) -> tuple[Target, str]:
    """Inside a write transaction. Returns the target, and the secret that its webhook's messages
    are signed with ("" for mail), which is shown now and never again."""
    _check_name(name)
    _check_address(kind, address)
    _check_wishes(severity, rules, (quiet_from, quiet_to), tz, digest_min)
    if conn.execute(sa.select(_t.id).where(_t.name == name)).first():
        raise Conflict(f"There is an alert target {name!r} already; choose another name.")
    secret = tokens.token_hex(_SECRET_BYTES) if kind == "webhook" else ""
    newest = conn.execute(sa.select(sa.func.max(finding_history.c.id))).scalar() or 0
    made = conn.execute(
        alert_targets.insert().values(
            name=name,
            kind=kind,
            address=address,
            secret=secrets.seal(conn, _label(name), secret.encode()) if secret else None,
            severity=severity,
            **{
                column: json.dumps(values)
                for column, values in (("rules", rules), ("sites", sites), ("meters", meters))
            },
            quiet_from=quiet_from,
            quiet_to=quiet_to,
            tz=tz,
            digest_min=digest_min,
            told_id=newest,
            made_at=now_s,
            made_by=by,
        )
    )
    target_id = made.inserted_primary_key[0]
    acts.note(conn, by, "alert.add", f"alert:{target_id}", {"name": name, "kind": kind}, now_s)
    return get(conn, target_id), secret


def switch(conn: Connection, target_id: int, enabled: bool, by: str, now_s: int) -> Target:
    """Off: it hears nothing more, and nothing of the time until it is on again."""
    get(conn, target_id)
    newest = conn.execute(sa.select(sa.func.max(finding_history.c.id))).scalar() or 0
    conn.execute(
        sa.update(alert_targets)
        .where(_t.id == target_id)
        .values(enabled=int(enabled), told_id=newest)
    )
    if not enabled:
        o = alert_outbox.c
        conn.execute(
            sa.update(alert_outbox)
            .where(o.target_id == target_id, o.state == "waiting")
            .values(state="dropped", done_at=now_s)
        )
    acts.note(conn, by, "alert.on" if enabled else "alert.off", f"alert:{target_id}", {}, now_s)
    return get(conn, target_id)


def get(conn: Connection, target_id: int) -> Target:
    row = conn.execute(sa.select(*_COLUMNS).where(_t.id == target_id)).first()
    if row is None:
        raise NotFound(f"There is no alert target {target_id}.")
    return _target(row)


def all_(conn: Connection) -> list[Target]:
    return [_target(row) for row in conn.execute(sa.select(*_COLUMNS).order_by(_t.id))]


def secret_of(conn: Connection, target: Target) -> bytes:
    """What its webhook's messages are signed with."""
    sealed = conn.execute(sa.select(_t.secret).where(_t.id == target.id)).scalar()
    return secrets.opened(conn, _label(target.name), sealed) if sealed else b""


def _target(row: sa.Row) -> Target:
    values = dict(row._mapping)
    for name in ("rules", "sites", "meters"):
        values[name] = tuple(json.loads(values[name]))
    return Target(**{**values, "enabled": bool(values["enabled"])})


def _label(name: str) -> str:
    # Sealed secrets are bound to what they are for; no meter has a name like this.
    return f"alert/{name}"


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise StationError(
            "An alert target's name is 1 to 64 letters, digits, and - _ . or spaces."
        )


def _check_address(kind: str, address: str) -> None:
    if kind == "email":
        if not _MAILBOX.fullmatch(address):
            raise StationError(f"{address!r} is not one mail address, as anna@example.org.")
        return
    if kind != "webhook":
        raise StationError(f"An alert goes by email or webhook, not by {kind!r}.")
    if not http_url.is_webhook(address):
        raise StationError(
            "A webhook's address is an http:// or https:// URL without a password; its messages"
            " are signed instead."
        )


def _check_wishes(
    severity: str, rules: tuple[str, ...], quiet: tuple[int, int], tz: str, digest_min: int
) -> None:
    if severity not in SEVERITIES:
        raise StationError(f"A severity is one of {', '.join(SEVERITIES)}, not {severity!r}.")
    for rule in rules:
        if rule not in BY_ID and rule not in NOTED:
            raise StationError(f"There is no rule {rule!r}; they are A01 to A23 and R01 to R03.")
    if not all(0 <= minute < DAY_MIN for minute in quiet):
        raise StationError("Quiet hours are minutes of a day, 0 to 1439.")
    if not 0 <= digest_min <= 7 * DAY_MIN:
        raise StationError("A digest comes at least once a week: 0 to 10080 minutes.")
    try:
        ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise StationError(f"{tz!r} is no time zone; write it as Europe/Berlin, or UTC.") from None

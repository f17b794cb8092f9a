"""A provider that moves no money: for trials, and for tests of all that can go wrong.

It keeps its intents in tables of its own, as a real one would at its place, so that the web
server, the jobs and a terminal see the same. References are made of its secret and the payment's
number: the same again in every run. What it tells by webhooks is made here; mischief.py bends it.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.errors import NotFound, StationError
from umeter_station.models_pay import sandbox_intents, sandbox_moves
from umeter_station.pay import signature
from umeter_station.pay.currency import from_minor, to_minor
from umeter_station.pay.provider import (
    Ask,
    Forged,
    Intent,
    RefundStatus,
    ReportLine,
    Status,
    WebhookEvent,
)

SIGNATURE_HEADER = "umeter-signature"
OUTCOMES = ("succeeded", "failed", "expired")
_KINDS = {f"intent.{outcome}": outcome for outcome in OUTCOMES} | {
    "refund.done": "refunded",
    "dispute.opened": "disputed",
    "dispute.won": "dispute won",
}
_SIGNS = {"payment": 1, "refund": -1, "dispute": -1, "dispute won": 1}


@dataclass(frozen=True)
class Webhook:
    body: bytes
    headers: dict[str, str]


class Sandbox:
    """See provider.Provider."""

    name = "sandbox"

    def __init__(
        self,
        db: Database,
        clock: Clock,
        secret: bytes,
        currency: str,
        base_url: str = "",
        tolerance_s: int = signature.TOLERANCE_S,
    ) -> None:
        self.currency = currency
        self.pays_at = "/".join(base_url.split("/")[:3])
        self._db = db
        self._clock = clock
        self._secret = secret
        self._base_url = base_url
        self._tolerance_s = tolerance_s

    def create_intent(self, ask: Ask) -> Intent:
        reference = "sb_" + self._digest("intent", ask.payment_id)
        row = {
            "reference": reference,
            "payment_id": ask.payment_id,
            "minor": to_minor(ask.amount_u, ask.currency),
            "currency": ask.currency,
        }
        with self._db.write() as conn:
            if self._find(conn, reference) is None:
                more = {"state": "pending", "made_at": self._clock.now_s()}
                conn.execute(sandbox_intents.insert().values(**row, **more))
        return Intent(reference, f"{self._base_url}/v1/hooks/sandbox/pay/{reference}")

    def finish(self, reference: str, outcome: str) -> Webhook:
        """The payer has paid, or not; what the provider tells of it. Paid stays paid."""
        if outcome not in OUTCOMES:
            raise StationError(f"A payment ends as {', '.join(OUTCOMES)}, not {outcome!r}.")
        with self._db.write() as conn:
            row = self._get(conn, reference)
            if row.state != "succeeded":
                conn.execute(
                    sa.update(sandbox_intents)
                    .where(sandbox_intents.c.reference == reference)
                    .values(state=outcome)
                )
                if outcome == "succeeded":
                    self._move(conn, f"payment:{reference}", "payment", reference, row.minor)
        return self.webhook(f"intent.{outcome}", reference)

    def dispute(self, reference: str, won: bool = False) -> Webhook:
        """The payer's bank has taken the money back; or has given it back to us after all."""
        kind = "dispute won" if won else "dispute"
        with self._db.write() as conn:
            row = self._get(conn, reference)
            self._move(conn, f"{kind}:{reference}", kind, reference, row.minor)
        item = f"dp_{reference}"
        return self.webhook("dispute.won" if won else "dispute.opened", reference, item=item)

    def refund(self, reference: str, amount_u: int, key: str) -> RefundStatus:
        with self._db.write() as conn:
            row = self._get(conn, reference)
            minor = to_minor(amount_u, row.currency)
            m = sandbox_moves.c
            moved = conn.execute(
                sa.select(m.kind, m.key, m.minor).where(m.reference == reference)
            ).all()
            if f"refund:{key}" not in [each.key for each in moved]:
                if sum(_SIGNS[each.kind] * each.minor for each in moved) < minor:
                    return RefundStatus("failed")
                self._move(conn, f"refund:{key}", "refund", reference, minor)
        return RefundStatus("done", "re_" + self._digest("refund", key))

    def refund_webhook(self, reference: str, key: str) -> Webhook:
        """What it tells of a refund that was made."""
        with self._db.read() as conn:
            minor = conn.execute(
                sa.select(sandbox_moves.c.minor).where(sandbox_moves.c.key == f"refund:{key}")
            ).scalar_one()
        item = "re_" + self._digest("refund", key)
        return self.webhook("refund.done", reference, item=item, refund=key, minor=minor)

    def fetch_status(self, reference: str) -> Status:
        with self._db.read() as conn:
            row = self._get(conn, reference)
        return Status(row.state, from_minor(row.minor, row.currency), row.currency, reference)

    def report(self, since_s: int, until_s: int) -> Iterator[ReportLine]:
        m = sandbox_moves.c
        with self._db.read() as conn:
            rows = conn.execute(
                sa.select(sandbox_moves, sandbox_intents.c.currency)
                .join(sandbox_intents, sandbox_intents.c.reference == m.reference)
                .where(m.at >= since_s, m.at < until_s)
                .order_by(m.id)
            ).all()
        for row in rows:
            amount_u = _SIGNS[row.kind] * from_minor(row.minor, row.currency)
            kind = "dispute" if row.kind == "dispute won" else row.kind
            yield ReportLine(row.key, kind, row.reference, amount_u, row.at)

    def webhook(self, kind: str, reference: str, **changes: Any) -> Webhook:
        """`changes` replace what the event would say, or are added to it."""
        with self._db.read() as conn:
            row = self._get(conn, reference)
        at_s = self._clock.now_s()
        event = {
            "type": kind,
            "reference": reference,
            "minor": row.minor,
            "currency": row.currency,
            "at": at_s,
            "payment": row.payment_id,
            **changes,
        }
        event.setdefault("id", "evt_" + self._digest(json.dumps(event, sort_keys=True)))
        return self.signed(event, at_s)

    def signed(self, event: dict[str, Any], at_s: int) -> Webhook:
        body = json.dumps(event).encode()
        return Webhook(body, {SIGNATURE_HEADER: signature.sign(self._secret, body, at_s)})

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        signed = headers.get(SIGNATURE_HEADER, "")
        signature.verify(self._secret, body, signed, self._clock.now_s(), self._tolerance_s)
        try:
            event = json.loads(body)
            refund = event.get("refund")
            return WebhookEvent(
                event_id=event["id"],
                type=event["type"],
                kind=_KINDS.get(event["type"], "other"),
                reference=event["reference"],
                amount_u=from_minor(event["minor"], event["currency"]),
                currency=event["currency"],
                happened_at=event["at"],
                payment_id=event["payment"],
                charge=event["reference"],
                item=event.get("item", ""),
                refund_id=None if refund is None else int(refund),
            )
        except (ValueError, KeyError, TypeError, AttributeError, StationError):
            raise Forged("It is no event of the sandbox.") from None

    def _move(self, conn: sa.Connection, key: str, kind: str, reference: str, minor: int) -> None:
        known = sa.select(sandbox_moves.c.id).where(sandbox_moves.c.key == key)
        if conn.execute(known).first() is None:
            row = {"key": key, "kind": kind, "reference": reference, "minor": minor}
            conn.execute(sandbox_moves.insert().values(**row, at=self._clock.now_s()))

    def _find(self, conn: sa.Connection, reference: str) -> Any:
        query = sa.select(sandbox_intents).where(sandbox_intents.c.reference == reference)
        return conn.execute(query).first()

    def _get(self, conn: sa.Connection, reference: str) -> Any:
        row = self._find(conn, reference)
        if row is None:
            raise NotFound(f"The sandbox has no payment {reference!r}.")
        return row

    def _digest(self, *parts: Any) -> str:
        text = ":".join(str(part) for part in parts)
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:24]

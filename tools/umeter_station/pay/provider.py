"""What every payment provider can do for the station; stripe_provider.py and sandbox.py do it.

No function here is called inside a database transaction: each may take as long as a network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from umeter_station.errors import Unavailable

# What an event can say of a payment; "other" is stored and changes nothing.
KINDS = (
    "succeeded",
    "failed",
    "expired",
    "refunded",
    "refund failed",
    "disputed",
    "dispute won",
    "other",
)


class Forged(Exception):
    """A webhook that does not come from the provider, or comes too late; `str()` says which."""


class Unreachable(Unavailable):
    """The provider gave no answer, or none that says what it did: ask again later."""


@dataclass(frozen=True)
class Ask:
    """What a provider needs to know of a payment. `payment_id` names it for good: the same id
    again is the same intent. `back`: the path of the page that the payer returns to."""

    payment_id: int
    amount_u: int
    currency: str
    text: str
    expires_at: int
    back: str = ""


@dataclass(frozen=True)
class Intent:
    """`reference`: the provider's name of it; `redirect_url`: where the payer pays."""

    reference: str
    redirect_url: str


@dataclass(frozen=True)
class WebhookEvent:
    """What a verified webhook says. `payment_id` is what we had told the provider, if it came
    back; `charge` names the money that moved; `item` names a refund or a dispute, `refund_id` our
    own refund. `amount_u` is None where the provider's amount is no whole micro-units of ours."""

    event_id: str
    type: str
    kind: str
    reference: str
    amount_u: int | None = None
    currency: str = ""
    happened_at: int = 0
    payment_id: int | None = None
    charge: str = ""
    item: str = ""
    refund_id: int | None = None


@dataclass(frozen=True)
class Status:
    """How an intent stands at the provider: pending, succeeded, failed or expired."""

    state: str
    amount_u: int
    currency: str
    charge: str = ""


@dataclass(frozen=True)
class RefundStatus:
    """`state`: asked (not decided yet), done or failed."""

    state: str
    provider_ref: str = ""


@dataclass(frozen=True)
class ReportLine:
    """One movement on our account at the provider; `kind`: payment, refund, dispute, fee, payout
    or other. `amount_u` is below 0 for what left it."""

    line: str
    kind: str
    reference: str
    amount_u: int
    at: int


class Provider(Protocol):
    """All raise Unreachable when they do not know what happened. `pays_at`: the origin of its
    pages, as https://pay.example; empty if they are the station's own."""

    name: str
    currency: str
    pays_at: str

    def create_intent(self, ask: Ask) -> Intent: ...

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        """`headers`: names in lower case. Raises Forged."""
        ...

    def fetch_status(self, reference: str) -> Status: ...

    def refund(self, reference: str, amount_u: int, key: str) -> RefundStatus:
        """Once per `key`, which is the number of our refund."""
        ...

    def report(self, since_s: int, until_s: int) -> Iterator[ReportLine]: ...

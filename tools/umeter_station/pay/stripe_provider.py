"""Stripe by its own library: Checkout Sessions, refunds, webhooks, balance transactions.

No card's number ever comes here: the payer types it at Stripe. The reference of a payment is its
Checkout Session, the charge its PaymentIntent, which refunds and disputes name.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import stripe

from umeter_station.clock import Clock
from umeter_station.errors import StationError
from umeter_station.pay import currency as currencies
from umeter_station.pay import signature
from umeter_station.pay.provider import (
    Ask,
    Forged,
    Intent,
    RefundStatus,
    ReportLine,
    Status,
    Unreachable,
    WebhookEvent,
)
from umeter_station.pay.stripe_events import OURS, payment_of, read_event

_HEADER = "stripe-signature"
# Stripe's own mind about minor units: decimals, and what an amount must divide by.
_PLACES = {"ISK": 2, "UGX": 2, "MGA": 0}
_STEPS = {"ISK": 100, "UGX": 100, **dict.fromkeys(["BHD", "JOD", "KWD", "OMR", "TND"], 10)}
_REFUND_STATES = {"succeeded": "done", "failed": "failed", "canceled": "failed"}
_LINE_KINDS = {
    **dict.fromkeys(("charge", "payment"), "payment"),
    **dict.fromkeys(("refund", "payment_refund", "payment_failure_refund"), "refund"),
    **dict.fromkeys(("adjustment", "payment_reversal"), "dispute"),
    **dict.fromkeys(("stripe_fee", "tax_fee"), "fee"),
    **dict.fromkeys(("payout", "payout_failure", "payout_cancel"), "payout"),
}
_PAGE = 100
_log = logging.getLogger(__name__)


class Stripe:
    """See provider.Provider. `http_client` is for tests."""

    name = "stripe"
    pays_at = "https://checkout.stripe.com"

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        currency: str,
        clock: Clock,
        return_url: str = "",
        tolerance_s: int = signature.TOLERANCE_S,
        http_client: Any = None,
    ) -> None:
        self.currency = currencies.check_currency(currency)
        self._webhook_secret = webhook_secret
        self._clock = clock
        self._return_url = return_url
        self._tolerance_s = tolerance_s
        self._client = stripe.StripeClient(
            secret_key, max_network_retries=2, http_client=http_client
        )

    def create_intent(self, ask: Ask) -> Intent:
        ours = {OURS: str(ask.payment_id)}
        price = {
            "currency": ask.currency.lower(),
            "unit_amount": self._minor(ask.amount_u),
            "product_data": {"name": ask.text},
        }
        back = self._return_url + ask.back
        params: Any = {
            "mode": "payment",
            "client_reference_id": str(ask.payment_id),
            "line_items": [{"price_data": price, "quantity": 1}],
            "metadata": ours,
            "payment_intent_data": {"metadata": ours, "description": ask.text},
            "expires_at": ask.expires_at,
            "success_url": back,
            "cancel_url": back,
        }
        # The same parameters under the same key: asked again, Stripe answers with the same one.
        options: Any = {"idempotency_key": f"umeter-payment-{ask.payment_id}"}
        session = self._ask(lambda: self._client.v1.checkout.sessions.create(params, options))
        return Intent(session.id, session.url or "")

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        header = headers.get(_HEADER, "")
        try:
            # Its age is checked below, by the station's clock and to both sides.
            stripe.Webhook.construct_event(body, header, self._webhook_secret, tolerance=0)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise Forged(f"Stripe did not sign this: {str(error).splitlines()[0]}") from None
        signature.check_age(signature.signed_at(header), self._clock.now_s(), self._tolerance_s)
        return read_event(body, self._amount_u)

    def fetch_status(self, reference: str) -> Status:
        session = self._ask(lambda: self._client.v1.checkout.sessions.retrieve(reference))
        state = "pending"
        if session.payment_status == "paid":
            state = "succeeded"
        elif session.status == "expired":
            state = "expired"
        code = (session.currency or self.currency).upper()
        amount_u = self._amount_u(session.amount_total or 0, code)
        return Status(state, amount_u, code, _name(session.payment_intent))

    def refund(self, reference: str, amount_u: int, key: str) -> RefundStatus:
        charge = self.fetch_status(reference).charge
        params: Any = {
            "payment_intent": charge,
            "amount": self._minor(amount_u),
            "metadata": {OURS + "_refund": key},
        }
        options: Any = {"idempotency_key": f"umeter-refund-{key}"}
        try:
            made = self._ask(lambda: self._client.v1.refunds.create(params, options))
        except Unreachable:
            raise
        except StationError as error:
            _log.warning("refund %s: %s", key, error)
            return RefundStatus("failed")
        return RefundStatus(_REFUND_STATES.get(made.status or "", "asked"), made.id)

    def report(self, since_s: int, until_s: int) -> Iterator[ReportLine]:
        params: Any = {
            "created": {"gte": since_s, "lt": until_s},
            "limit": _PAGE,
            "expand": ["data.source"],
        }
        page = self._ask(lambda: self._client.v1.balance_transactions.list(params))
        while True:
            for line in page.data:
                yield from self._lines(line)
            if not page.has_more or not page.data:
                return
            more: Any = {**params, "starting_after": page.data[-1].id}
            page = self._ask(lambda more=more: self._client.v1.balance_transactions.list(more))

    def _lines(self, line: Any) -> Iterator[ReportLine]:
        code = line.currency.upper()
        source = line.source
        reference = payment_of(source.to_dict()) if hasattr(source, "to_dict") else _name(source)
        kind = _LINE_KINDS.get(line.type, "other")
        yield ReportLine(line.id, kind, reference, self._amount_u(line.amount, code), line.created)
        if line.fee:
            fee_u = -self._amount_u(line.fee, code)
            yield ReportLine(f"{line.id}:fee", "fee", reference, fee_u, line.created)

    def _minor(self, amount_u: int) -> int:
        minor = currencies.to_minor(amount_u, self.currency, _PLACES.get(self.currency))
        if minor % _STEPS.get(self.currency, 1):
            raise StationError(
                f"Stripe takes no such fraction of {self.currency}; pay a rounder amount."
            )
        return minor

    def _amount_u(self, minor: int, code: str) -> int:
        return currencies.from_minor(minor, code, _PLACES.get(code))

    def _ask(self, call: Callable[[], Any]) -> Any:
        """StationError if Stripe refuses for good, Unreachable if it may be asked again."""
        try:
            return call()
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            raise StationError(f"Stripe refuses it: {error.user_message or error}") from None
        except stripe.StripeError as error:
            raise Unreachable(
                f"Stripe gave no answer ({type(error).__name__}); try again later."
            ) from None


def _name(thing: Any) -> str:
    """Of something that is either its id or expanded."""
    return thing if isinstance(thing, str) else getattr(thing, "id", "") or ""

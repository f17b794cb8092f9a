"""What can happen to webhooks on their way, on request and by a seed.

Real networks duplicate, delay and reorder; somebody who knows the address forges. Three of the
forgeries are signed rightly (`SIGNED`): they stand for a provider whose word does not fit the
books, which must not become a sale either.
"""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass

from umeter_station.pay import signature
from umeter_station.pay.sandbox import SIGNATURE_HEADER, Sandbox, Webhook

FORGERIES = (
    "bad signature",
    "no signature",
    "altered amount",
    "stale timestamp",
    "other amount",
    "other currency",
    "unknown reference",
)
SIGNED = ("other amount", "other currency", "unknown reference")
_LONGEST_DELAY_S = 3 * 86_400


@dataclass(frozen=True)
class Delivery:
    """`after_s`: how long after it was sent it arrives."""

    after_s: int
    webhook: Webhook


class Mischief:
    """The same seed and the same webhooks: the same deliveries."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def deliver(
        self,
        webhooks: Iterable[Webhook],
        duplicate: bool = False,
        delay: bool = False,
        reorder: bool = False,
        lose: bool = False,
    ) -> list[Delivery]:
        """In the order of their arrival."""
        sent: list[Delivery] = []
        for webhook in webhooks:
            copies = self._random.randint(2, 4) if duplicate else 1
            if lose and self._random.random() < 0.5:
                copies -= 1
            for _ in range(copies):
                after_s = self._random.randrange(_LONGEST_DELAY_S) if delay else 0
                sent.append(Delivery(after_s, webhook))
        if reorder:
            self._random.shuffle(sent)
        return sorted(sent, key=lambda each: each.after_s)

    def forge(self, sandbox: Sandbox, webhook: Webhook, how: str, now_s: int) -> Webhook:
        """`how`: one of FORGERIES."""
        event = json.loads(webhook.body)
        header = webhook.headers[SIGNATURE_HEADER]
        fresh_id = f"evt_{self._random.getrandbits(96):024x}"
        if how == "bad signature":
            guess = self._random.randbytes(32)
            return _with(webhook.body, signature.sign(guess, webhook.body, now_s))
        if how == "no signature":
            return Webhook(webhook.body, {})
        if how == "altered amount":
            return _with(json.dumps({**event, "minor": event["minor"] + 1}).encode(), header)
        if how == "stale timestamp":
            return sandbox.signed(event, now_s - signature.TOLERANCE_S - 1)
        if how == "other amount":
            change = {"minor": event["minor"] + self._random.randint(1, 99)}
        elif how == "other currency":
            change = {"currency": "USD" if event["currency"] != "USD" else "EUR"}
        elif how == "unknown reference":
            change = {"reference": f"sb_{self._random.getrandbits(96):024x}", "payment": 0}
        else:
            raise ValueError(how)
        return sandbox.signed({**event, **change, "id": fresh_id}, now_s)


def _with(body: bytes, header: str) -> Webhook:
    return Webhook(body, {SIGNATURE_HEADER: header})

"""What both forms for paying share: ways to pay, amounts to choose from, where a payer goes."""

import secrets
from typing import Annotated

from fastapi import Form
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from umeter_station.amounts import MICRO
from umeter_station.desk import charges
from umeter_station.desk.charges import Charges
from umeter_station.errors import StationError
from umeter_station.pay import providers
from umeter_station.pay.payments import Payment
from umeter_station.pay.provider import Provider
from umeter_station.station import Books
from umeter_station.web import forms, language
from umeter_station.web.language import gettext as _

WAY = "web"
ProviderName = Annotated[str, Form(max_length=32)]
_QUICK = (5, 10, 20, 50, 100, 200)
_QUICK_SHOWN = 6


def new_key() -> str:
    """What a form is sent under: sent twice, it is one payment."""
    return secrets.token_urlsafe(24)


def ways(books: Books) -> list[Provider]:
    """The first is the usual one; none, if nobody can pay here."""
    return list(providers.of(books.config, books.db, books.clock).values())


def origins(found: list[Provider]) -> str:
    """Where the form may lead to, for its page's policy: a browser looks at redirects, too."""
    return " ".join(sorted({each.pays_at for each in found if each.pays_at}))


def provider(books: Books, name: str) -> Provider:
    return providers.get(books.config, books.db, books.clock, name or None)


def quick_amounts(cost: Charges) -> list[int]:
    """Whole amounts of the currency that may be paid."""
    most_u = cost.max_u or _QUICK[-1] * MICRO
    found = [each for each in _QUICK if cost.min_u <= each * MICRO <= most_u]
    return found[:_QUICK_SHOWN]


def amount_u(conn: Connection, text: str, now_s: int) -> int:
    """What was typed, if so much may be paid at once. Raises StationError with one sentence in the
    reader's language."""
    found_u = forms.amount_u(text)
    cost, money = charges.in_force(conn, WAY, now_s), language.current().money
    if found_u == 0:
        raise StationError(_("Write how much you want to pay."))
    if found_u < cost.min_u:
        least = _("The smallest payment is %(amount)s; pay more.")
        raise StationError(least % {"amount": money(cost.min_u)})
    if cost.max_u and found_u > cost.max_u:
        most = _("The largest payment is %(amount)s; pay in parts.")
        raise StationError(most % {"amount": money(cost.max_u)})
    charges.check_paid_u(found_u, cost)
    return found_u


def lead_on(payment: Payment, back: str, now_s: int) -> RedirectResponse:
    """To the provider while it can be paid there, else to the page that tells of it."""
    return RedirectResponse(payment.waits_at(now_s) or back, 303)



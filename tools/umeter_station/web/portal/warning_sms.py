"""Warnings of a low credit by SMS, through a gateway of the operator's own.

Each is a POST to its webhook, signed as watch/hook.py does: {"id", "to", "text"}. A gateway that
has had an id before sends nothing, and says that all is well.
"""

from umeter_station.config_keys import Sms
from umeter_station.people import texts
from umeter_station.people.tenants import Tenant
from umeter_station.station import Books
from umeter_station.watch import hook
from umeter_station.watch.mail import Failed
from umeter_station.web.portal import warning_notices, warning_words
from umeter_station.web.portal.warning_notices import Notice, Way


def number(tenant: Tenant) -> str:
    """Where an SMS reaches a tenant, as +491701234567; "" if nowhere."""
    return tenant.phone if texts.is_international(tenant.phone) else ""


WAY = Way("warning.sms", "alerts.sms", number)


def send_due(books: Books) -> None:
    """Raises StationError if the gateway could not be used for one of them."""
    config = books.config.sms
    if config.url:
        warning_notices.tell(books, WAY, lambda notice, now_s: deliver(config, notice, now_s))


def deliver(config: Sms, notice: Notice, now_s: int) -> None:
    """In the language that is in use. Raises Refused or Failed."""
    if config.secret is None:
        raise Failed("there is nothing to sign an SMS with; set sms.secret")
    document = {"id": notice.key, "to": number(notice.tenant), "text": warning_words.sms(notice)}
    secret = config.secret.reveal().encode()
    hook.post(config.url, secret, document, now_s, config.timeout, "the SMS gateway")

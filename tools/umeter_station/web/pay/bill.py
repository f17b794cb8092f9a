"""What an amount buys, in words: the sentences that go with a quote's figures."""

from umeter_station.desk.quotes import Quote
from umeter_station.web import language
from umeter_station.web.language import gettext as _


def notes(quote: Quote) -> list[str]:
    found = []
    if quote.energy_wh is None:
        found.append(_("How much energy that is cannot be said: no price is known yet."))
    if quote.balance_u is not None and quote.balance_u < 0:
        owed = _owed(quote, -quote.balance_u)
        found.append(
            _("%(amount)s of it makes up for what was used without credit.") % {"amount": owed}
        )
    if len(quote.notes) > len(found):
        found.append(_("That is more than the meter keeps; it may wait until some is used."))
    return found


def _owed(quote: Quote, amount_u: int) -> str:
    """A debt as the meter keeps it: money, or millionths of a kWh."""
    if quote.is_kwh:
        return language.current().kwh(amount_u // 1000)
    return language.current().owed(amount_u)

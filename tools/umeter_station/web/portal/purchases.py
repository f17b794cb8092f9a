"""What a household has paid, and where that money is now."""

from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station.api import own_sales
from umeter_station.api.deps import Caller
from umeter_station.desk import fate, sales
from umeter_station.desk.fate import Fate
from umeter_station.desk.sales import Sale
from umeter_station.web.language import gettext as _

PAGE = 20


@dataclass(frozen=True)
class Purchase:
    """`state` in everyday words, and `kind` of its badge: good, warn, bad or quiet; `detail` what
    to do about it."""

    sale: Sale
    state: str
    kind: str
    detail: str

    @property
    def paper(self) -> str:
        """The address of its receipt, empty if it has none."""
        sale = self.sale
        if not sale.receipt_no:
            return ""
        return f"/home/purchases/{sale.register}/{sale.receipt_no}"


def page(conn: Connection, who: Caller, before_id: int | None) -> tuple[list[Purchase], int]:
    """(the newest first, the number to go on before; 0 if there is no more)"""
    found = sales.page(conn, PAGE + 1, before_id, own_sales.only(conn, who))
    shown = [_purchase(fate.of(conn, sale.purchase.key)) for sale in found[:PAGE]]
    return shown, found[PAGE - 1].purchase.id if len(found) > PAGE else 0


def _purchase(found: Fate) -> Purchase:
    state, kind, detail = _words(found)
    return Purchase(found.sale, state, kind, detail)


def _words(found: Fate) -> tuple[str, str, str]:
    state = found.state
    if state == "applied":
        return _("on the meter"), "good", ""
    if state in ("paid", "ordered", "sent", "delivered"):
        return _("on its way to the meter"), "quiet", _("It arrives when the meter is reached.")
    if state == "held":
        return (
            _("waiting"),
            "warn",
            _("The meter could not take it yet; your operator sends it again."),
        )
    if state == "voided":
        return _("taken back"), "quiet", _("The money was given back at the desk.")
    if state == "refunded":
        where = _("The money is back in your wallet.") if found.in_wallet else ""
        return _("paid back"), "quiet", where
    if state == "refund due":
        return _("to be paid back"), "warn", _("The meter did not take it: ask your operator.")
    return _("not certain"), "warn", _("Your operator looks after it; nothing is lost.")

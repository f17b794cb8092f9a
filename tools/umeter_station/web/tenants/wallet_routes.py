"""Giving back what is left in a tenant's wallet, as when they have moved out."""

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller, IdPath
from umeter_station.desk import two_person
from umeter_station.errors import StationError
from umeter_station.web import forms, route
from umeter_station.web.forms import Bank, Key, Sentence, Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.tenants.routes import tenant_page

router = route.router("/console/tenants")

Payer = Annotated[Caller, page("refunds:write")]


@router.post("/{tenant_id}/wallet/pay-out")
def pay_out(
    request: Request,
    tenant_id: IdPath,
    books: BooksDep,
    who: Payer,
    key: Key,
    amount: Typed = "",
    bank: Bank = "",
    reason: Sentence = "",
    sure: Tick = "",
) -> Response:
    """The transfer itself is made at the bank; it may wait for a second person."""
    try:
        if not sure:
            raise StationError(_("Say by the tick that the bank has sent it."))
        args = {"tenant_id": tenant_id, "amount_u": forms.amount_u(amount), "bank": bank}
        args |= {"reason": reason, "key": key}
        with books.db.write() as conn:
            done = two_person.pay_out_wallet(conn, args, who.by, who.now_s)
    except StationError as error:
        return tenant_page(request, books, who, tenant_id, str(error), status_of(error))
    said = "done" if done.approval_id is None else "second-person"
    return go_on(f"/console/tenants/{tenant_id}", said)

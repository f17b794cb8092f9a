"""/home/settings: warnings and where they go, the day's budget, what one agrees to, one's data."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import Form, Request
from fastapi.responses import JSONResponse, Response

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.errors import StationError
from umeter_station.ops.jobs import zone
from umeter_station.people import privacy, tenants, texts
from umeter_station.station import Books
from umeter_station.web import forms, route
from umeter_station.web.charts.routes import source_of, sources_of
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.portal import own_data, wishes
from umeter_station.web.portal.hand_routes import ChForm, MeterForm
from umeter_station.web.route import go_on
from umeter_station.web.templating import render

router = route.router("/home/settings")

Reader = Annotated[Caller, page("own:read")]
Writer = Annotated[Caller, page("own:write")]
Contact = Annotated[str, Form(max_length=254)]
PATH = "/home/settings"


@router.get("")
def settings(request: Request, books: BooksDep, who: Reader) -> Response:
    return _page(request, books, who)


@router.post("/channel")
def set_channel(
    request: Request,
    books: BooksDep,
    who: Writer,
    meter: MeterForm,
    ch: ChForm,
    low_credit_u: forms.Typed = "",
    low_credit_2_u: forms.Typed = "",
    budget_u: forms.Typed = "",
) -> Response:
    typed = dict(zip(wishes.KEYS, (low_credit_u, low_credit_2_u, budget_u), strict=True))
    try:
        with books.db.write() as conn:
            source = source_of(conn, who, meter, ch)
            ordered = wishes.order(conn, source, typed, who.by, who.now_s)
    except StationError as error:
        again = {f"{meter}.{ch}": typed}
        return _page(request, books, who, str(error), route.status_of(error), again)
    return go_on(PATH, "ordered" if ordered else "saved")


@router.post("/contact")
def set_contact(
    request: Request,
    books: BooksDep,
    who: Writer,
    email: Contact = "",
    phone: Contact = "",
    by_email: forms.Tick = "",
    by_sms: forms.Tick = "",
    landlord: forms.Tick = "",
) -> Response:
    ticked = {"alerts.email": by_email, "alerts.sms": by_sms, "usage.landlord": landlord}
    try:
        if by_email and not email.strip():
            raise StationError(_("Say where to: warnings by mail need an address."))
        if by_sms:
            _check_mobile(phone)
        with books.db.write() as conn:
            changed = {"email": email, "phone": phone}
            tenants.change(conn, who.tenant_id, changed, who.by, who.now_s)
            for purpose, tick in ticked.items():
                change = privacy.agree if tick else privacy.withdraw
                change(conn, who.tenant_id, purpose, who.by, who.now_s)
    except StationError as error:
        again = {"contact": {"email": email, "phone": phone} | ticked}
        return _page(request, books, who, str(error), route.status_of(error), again)
    return go_on(PATH, "saved")


@router.get("/data/{what}")
def download(
    what: Literal["use.csv", "purchases.csv", "all.json"], books: BooksDep, who: Reader
) -> Response:
    where = zone(books.config.jobs.timezone)
    headers = {"Content-Disposition": f'attachment; filename="umeter-{what}"'}
    with books.db.read() as conn:
        if what == "all.json":
            return JSONResponse(asdict(privacy.told(conn, who.tenant_id)), headers=headers)
        if what == "use.csv":
            text = own_data.use_csv(conn, sources_of(conn, who), where, who.now_s)
        else:
            text = own_data.purchases_csv(conn, who, where)
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/forget")
def ask_to_forget(request: Request, who: Writer) -> Response:
    return render(request, "portal/forget.html", error="")


@router.post("/forget")
def forget(
    request: Request, books: BooksDep, who: Writer, sure: forms.Tick = ""
) -> Response:
    """Who lives there still is refused: the meter needs somebody to belong to."""
    try:
        if not sure:
            raise StationError(_("Tick that you have read it, so that nobody is surprised."))
        with books.db.write() as conn:
            if tenants.channels_of(conn, who.tenant_id, who.now_s):
                raise StationError(
                    _("You still live here. Your data can be deleted once you have moved out.")
                )
            privacy.forget(conn, who.tenant_id, who.by, who.now_s)
    except StationError as error:
        status = route.status_of(error)
        return render(request, "portal/forget.html", status, error=str(error))
    return go_on("/sign-in", "forgotten")


def _check_mobile(number: str) -> None:
    """Raises StationError unless an SMS can be sent to it."""
    if not number.strip():
        raise StationError(_("Say where to: warnings by SMS need a mobile number."))
    if not texts.is_international(texts.phone(number)):
        raise StationError(
            _("Warnings by SMS need the number with its country's code, as +491701234567.")
        )


def _page(
    request: Request,
    books: Books,
    who: Caller,
    error: str = "",
    status: int = 200,
    typed: dict[str, dict[str, str]] | None = None,
) -> Response:
    """`typed`: what was, by channel or "contact"; there with what was ticked, too."""
    with books.db.read() as conn:
        found = [wishes.of(conn, source) for source in sources_of(conn, who)]
        tenant = tenants.get(conn, who.tenant_id)
        ticked = (typed or {}).get("contact", {})
        agreed = {
            purpose
            for purpose in privacy.PURPOSES
            if ticked.get(purpose, privacy.agrees(conn, who.tenant_id, purpose))
        }
    return render(
        request,
        "portal/settings.html",
        status,
        channels=found,
        tenant=tenant,
        agreed=agreed,
        sends_mail=bool(books.config.mail.host),
        sends_sms=bool(books.config.sms.url),
        error=error,
        typed=typed or {},
    )

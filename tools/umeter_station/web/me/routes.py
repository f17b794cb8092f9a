"""/me: one's own password, one-time codes and sessions.

What is shown once (the secret of a device, recovery codes) is the answer to the form that asked
for it and has no address: it cannot be opened again.
"""

from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.errors import StationError
from umeter_station.people import accounts, acts, passwords, sessions, sign_in, totp
from umeter_station.station import Books
from umeter_station.web import qr, route
from umeter_station.web.guard import person
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on
from umeter_station.web.sign_in import sentence
from umeter_station.web.templating import render

router = route.router("/me")

Me = Annotated[Caller, person()]
Password = Annotated[str, Form(max_length=passwords.MAX_CHARS)]


@router.get("")
def show(request: Request, books: BooksDep, who: Me) -> Response:
    return _page(request, books, who)


@router.post("/password")
def change_password(
    request: Request, books: BooksDep, who: Me, old: Password = "", new: Password = ""
) -> Response:
    try:
        sign_in.confirm_password(books.db, who.person_id, old, who.now_s)
        new_hash = passwords.hashed(new, who.session.name)
    except StationError as error:
        return _page(request, books, who, "password", error)
    with books.db.write() as conn:
        here = who.session.token_hash
        accounts.set_password(
            conn, who.person_id, new_hash, who.by, who.now_s, but_session=here
        )
    return go_on("/me", "password-changed")


@router.post("/codes")
def enrol(request: Request, books: BooksDep, who: Me, password: Password = "") -> Response:
    """The secret for the device, this once."""
    try:
        sign_in.confirm_password(books.db, who.person_id, password, who.now_s)
        with books.db.write() as conn:
            enrolment = totp.enrol(conn, who.person_id, who.by, who.now_s)
    except StationError as error:
        return _page(request, books, who, "codes", error)
    code = qr.svg(enrolment.uri, _("The secret for your device, as a QR code"))
    return render(request, "me/enrol.html", code=code, secret=enrolment.secret, error="")


@router.post("/codes/confirm")
def confirm(
    request: Request,
    books: BooksDep,
    who: Me,
    code: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """The recovery codes, this once."""
    here = who.session.token_hash
    try:
        with books.db.write() as conn:
            codes = totp.confirm(conn, who.person_id, code, who.by, who.now_s, here)
    except StationError as error:
        wrong = _(str(error))
        return render(request, "me/enrol.html", 400, code=None, secret="", error=wrong)
    return render(request, "me/recovery.html", codes=codes)


@router.post("/codes/remove")
def remove(request: Request, books: BooksDep, who: Me, password: Password = "") -> Response:
    try:
        sign_in.confirm_password(books.db, who.person_id, password, who.now_s)
    except StationError as error:
        return _page(request, books, who, "codes", error)
    with books.db.write() as conn:
        totp.remove(conn, who.person_id, who.by, who.now_s)
    return go_on("/me", "codes-off")


@router.post("/sessions/end")
def end_others(books: BooksDep, who: Me) -> Response:
    with books.db.write() as conn:
        ended = sessions.end_all(conn, who.person_id, but=who.session.token_hash)
        detail = {"others": ended}
        acts.note(conn, who.by, "sign_out", f"person:{who.person_id}", detail, who.now_s)
    return go_on("/me", "only-here")


def _page(
    request: Request,
    books: Books,
    who: Caller,
    wrong_in: str = "",
    error: StationError | None = None,
) -> Response:
    """`wrong_in`: the form that was refused, password or codes."""
    status, text, headers = 200, "", {}
    if isinstance(error, sign_in.Refused):
        status, text = (429 if error.wait_s else 400), _wrong_password(error)
        headers = {"Retry-After": str(error.wait_s)} if error.wait_s else {}
    elif error is not None:
        status, text = route.status_of(error), _(str(error))
    told = {"wrong_in": wrong_in, "error": text, **_me(books, who)}
    answer = render(request, "me/me.html", status, **told)
    answer.headers.update(headers)
    return answer


def _me(books: Books, who: Caller) -> dict[str, Any]:
    with books.db.read() as conn:
        person_of = accounts.get(conn, who.person_id)
        left = totp.recovery_left(conn, who.person_id) if person_of.has_totp else 0
        listed = sessions.of(conn, who.person_id)
    return {
        "has_codes": person_of.has_totp,
        "recovery_left": left,
        "sessions": sorted(listed, key=lambda each: -each.seen_at),
        "this": who.session.token_hash[:12],
        "least": passwords.MIN_CHARS,
    }


def _wrong_password(error: sign_in.Refused) -> str:
    return sentence(error) if error.wait_s else _("That is not your password.")

"""Signing in and out over HTTP: what the API and the pages do alike, each with its own answer."""

from fastapi import Request, Response

from umeter_station.api.deps import Caller, address_of
from umeter_station.api.settings import ApiSettings
from umeter_station.people import acts, sessions, sign_in
from umeter_station.people.sessions import Session
from umeter_station.station import Books


def enter(
    request: Request, books: Books, name: str, password: str, code: str
) -> tuple[Session, str]:
    """A new session in place of the one that the browser had, and its token. Raises
    sign_in.Refused."""
    now_s = books.clock.now_s()
    agent = request.headers.get("User-Agent", "")
    typed = sign_in.Request(name, password, code, address_of(request), agent)
    signed = sign_in.sign_in(books.db, typed, now_s)
    before = request.cookies.get(_settings(request).cookie)
    with books.db.write() as conn:
        if before:
            sessions.end_token(conn, before)
        session = sessions.find(conn, signed.token, now_s)
    if session is None:  # Shut out in this very moment.
        raise sign_in.Refused
    return session, signed.token


def leave(books: Books, who: Caller) -> None:
    with books.db.write() as conn:
        sessions.end(conn, who.session.token_hash)
        acts.note(conn, who.by, "sign_out", f"person:{who.person_id}", {}, who.now_s)


def give_cookie(request: Request, response: Response, token: str, lasts_s: int) -> None:
    settings = _settings(request)
    response.set_cookie(
        settings.cookie,
        token,
        max_age=lasts_s,
        secure=not settings.plain_http,
        httponly=True,
        samesite="lax",
    )


def take_cookie(request: Request, response: Response) -> None:
    settings = _settings(request)
    response.delete_cookie(
        settings.cookie, secure=not settings.plain_http, httponly=True, samesite="lax"
    )


def _settings(request: Request) -> ApiSettings:
    return request.app.state.settings

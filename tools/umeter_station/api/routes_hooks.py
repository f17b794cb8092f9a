"""Where providers tell what became of payments, and the sandbox's page, where one plays the payer.

A webhook has no caller: its signature, over the very bytes that came, is all that counts.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment

from umeter_station.amounts import format_u
from umeter_station.api.deps import Anyone, BooksDep, Out, anyone
from umeter_station.api.problems import refuse
from umeter_station.errors import NotFound
from umeter_station.pay import payments, providers, webhooks
from umeter_station.pay.provider import Forged
from umeter_station.pay.sandbox import Sandbox
from umeter_station.station import Books

router = APIRouter(prefix="/v1/hooks", tags=["hooks"])

MAX_BODY_BYTES = 256 * 1024
ProviderPath = Annotated[str, Path(pattern=r"^[a-z]{1,32}$")]
ReferencePath = Annotated[str, Path(pattern=r"^sb_[0-9a-f]{24}$")]
Outcome = Literal["succeeded", "failed", "expired"]
Delivery = Literal["once", "twice", "lost"]


class _Signed(Anyone):
    """Providers send bursts from few addresses; each webhook is cheap to refuse."""

    def __call__(self, request: Request) -> None:
        return None


_SIGNED = Depends(_Signed("a webhook is signed, and by nobody who could sign in"))


class Received(Out):
    """`outcome`: what became of it; the provider need not send it again."""

    outcome: str


_PAGE = Environment(autoescape=True).from_string(
    """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sandbox payment</title>
<body>
<h1>Sandbox payment</h1>
<p>{{ text }}: <strong>{{ amount }} {{ currency }}</strong></p>
<p>State: {{ state }}. No money moves here.</p>
<form method="post">
<p><label>The payer <select name="outcome">
<option value="succeeded">pays</option>
<option value="failed">is refused</option>
<option value="expired">goes away</option>
</select></label>
<label>The webhook <select name="webhook">
<option value="once">comes once</option>
<option value="twice">comes twice</option>
<option value="lost">gets lost</option>
</select></label>
<button>Go on</button></p>
</form>
</body></html>
"""
)


@router.post("/{provider}")
async def receive(
    provider: ProviderPath, request: Request, books: BooksDep, _: Annotated[None, _SIGNED]
) -> Received:
    """A webhook of a provider, of at most 256 KiB. 401 if its signature is not right."""
    found = providers.of(books.config, books.db, books.clock).get(provider)
    if found is None:
        raise NotFound("There is no such provider.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise refuse(413, "A webhook has at most 256 KiB.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        outcome = await run_in_threadpool(
            webhooks.receive, books.db, books.clock, found, body, headers
        )
    except Forged as error:
        raise refuse(401, str(error)) from None
    return Received(outcome=outcome)


@router.get("/sandbox/pay/{reference}", response_class=HTMLResponse)
def sandbox_page(
    reference: ReferencePath,
    request: Request,
    books: BooksDep,
    _: Annotated[None, anyone("it moves no money, and is there only where it is switched on")],
) -> Response:
    """Where a payer of the sandbox pays; a station with pages has a better looking one."""
    if hasattr(request.app.state, "templates"):
        return RedirectResponse(f"/pay/sandbox/{reference}", 303)
    return _page(books, reference)


@router.post("/sandbox/pay/{reference}", response_class=HTMLResponse)
def sandbox_pay(
    reference: ReferencePath,
    outcome: Annotated[Outcome, Form()],
    webhook: Annotated[Delivery, Form()],
    books: BooksDep,
    _: Annotated[None, anyone("it moves no money, and is there only where it is switched on")],
) -> HTMLResponse:
    """Pay, or do not; the sandbox then tells the station by webhook."""
    play(books, reference, outcome, webhook)
    return _page(books, reference)


def play(books: Books, reference: str, outcome: Outcome, webhook: Delivery) -> None:
    """What a payer of the sandbox does, and what the station hears of it."""
    playing = sandbox(books)
    told = playing.finish(reference, outcome)
    for _again in range({"once": 1, "twice": 2, "lost": 0}[webhook]):
        webhooks.receive(books.db, books.clock, playing, told.body, told.headers)


def sandbox(books: Books) -> Sandbox:
    """Raises NotFound where it is switched off."""
    found = providers.of(books.config, books.db, books.clock).get(Sandbox.name)
    if not isinstance(found, Sandbox):
        raise NotFound("The sandbox is switched off.")
    return found


def _page(books: Books, reference: str) -> HTMLResponse:
    with books.db.read() as conn:
        payment = payments.by_reference(conn, sandbox(books).name, reference)
    if payment is None:
        raise NotFound("The sandbox has no such payment.")
    html = _PAGE.render(
        text=payment.text,
        amount=format_u(payment.amount_u),
        currency=payment.currency,
        state=payment.state,
    )
    return HTMLResponse(html, headers={"Referrer-Policy": "no-referrer"})

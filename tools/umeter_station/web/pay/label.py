"""The sheet for a box: its number, a QR code that leads to the page to pay at, in the languages
that live there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller, ChPath, MeterPath
from umeter_station.pay import box_numbers
from umeter_station.web import qr, route
from umeter_station.web.guard import page
from umeter_station.web.language import Languages
from umeter_station.web.language import gettext as _
from umeter_station.web.templating import render

router = route.router("/console/meters")

Reader = Annotated[Caller, page("meters:read")]
Langs = Annotated[Sequence[str], Query(max_length=20)]


@dataclass(frozen=True)
class Words:
    """What stands on the sheet in one language; `code` as in lang="…"."""

    code: str
    title: str
    how: str


@router.get("/{meter}/{ch}/label")
def label(
    request: Request,
    meter: MeterPath,
    ch: ChPath,
    books: BooksDep,
    who: Reader,
    lang: Langs = (),
) -> Response:
    # The number of a channel is made when it is first asked for, and then is always the same.
    with books.db.write() as conn:
        number = box_numbers.of_channel(conn, meter, ch, who.now_s)
    languages: Languages = request.app.state.languages
    known = {each.code: each for each in languages.all}
    chosen = [code for code in known if code in lang] or list(known)
    url = f"{books.config.web.url}/pay/{number}"
    return render(
        request,
        "pay/label.html",
        meter=meter,
        ch=ch,
        number=box_numbers.spaced(number),
        url=url,
        code=qr.svg(url, _("The address of the page to pay at, as a QR code")),
        chosen=chosen,
        words=[_words(code, known[code].gettext) for code in chosen],
    )


def _words(code: str, say: Callable[[str], str]) -> Words:
    how = say("Scan the code, or type the number at the address below. No account is needed.")
    return Words(code.replace("_", "-"), say("Pay for electricity here"), how)

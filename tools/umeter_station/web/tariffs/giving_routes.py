"""Giving a tariff to a meter or channel, or to many by a rollout."""

import re
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response

from umeter_station.api.deps import LARGEST, BooksDep, Caller
from umeter_station.api.problems import refuse
from umeter_station.desk import find, tariffs, two_person
from umeter_station.errors import StationError
from umeter_station.fleet import templates
from umeter_station.ops.jobs import zone
from umeter_station.web import forms, route
from umeter_station.web.forms import Tick, Typed
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.tariffs.routes import NamePath, tariff_page

router = route.router("/console/tariffs")

Writer = Annotated[Caller, page("tariffs:write")]
Version = Annotated[int, Form(ge=1, le=LARGEST)]


@router.post("/of/{name}/push")
def push(
    request: Request,
    name: NamePath,
    books: BooksDep,
    who: Writer,
    version: Version,
    place: Typed = "",
    date: Typed = "",
    sure: Tick = "",
) -> Response:
    """`place`: a meter, or one channel of it. Another person may have to agree first."""
    try:
        if not sure:
            raise StationError(_("Say by the tick that this changes what is paid there."))
        meter, ch = (place.strip(), 0) if "/" not in place else find.place_of(place)
        from_s = forms.moment_s(date, zone(books.config.jobs.timezone), 0) or None
        with books.db.write() as conn:
            tariff = tariffs.get(conn, name, version)
            done = two_person.push(conn, meter, ch, tariff, who.by, who.now_s, from_s)
    except StationError as error:
        typed: dict[str, Any] = {"place": place, "date": date, "wrong": str(error)}
        return tariff_page(request, books, who, name, status=status_of(error), **typed)
    if done.approval_id is not None:
        return go_on(f"/console/tariffs/of/{name}?waits={done.approval_id}")
    return go_on(f"/console/tariffs/of/{name}", "ordered")


@router.post("/of/{name}/rollout")
def to_many(name: NamePath, books: BooksDep, who: Writer, version: Version) -> Response:
    """Make it a template, and go on to the form that rolls one out; no meter is told yet."""
    if not who.may("fleet:write"):
        raise refuse(403, _("A rollout takes the right fleet:write."))
    with books.db.write() as conn:
        tariff = tariffs.get(conn, name, version)
        note = f"tariff {tariff.name}, version {tariff.version}"
        made = templates.add(
            conn, _template(name), tariffs.settings_of(tariff), note, who.by, who.now_s
        )
    return go_on(f"/console/fleet/rollouts/new?template={made.name}@{made.version}")


def _template(name: str) -> str:
    """As templates are named."""
    return ("tariff-" + re.sub(r"[^a-z0-9]+", "-", name.lower())).strip("-")[:32]

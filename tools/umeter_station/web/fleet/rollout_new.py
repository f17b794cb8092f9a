"""A change of many meters' settings: chosen, tried out on paper, begun.

Other pages link here with what they know filled in, each of these any number of times or not:

    /console/fleet/rollouts/new?template=NAME            or NAME@2, a template
    /console/fleet/rollouts/new?key=limit_w&value=3000   settings, key and value in turn
    ...&where=site=north  &site=North  &tariff=day  &meters=m1+m2  &all=yes    which meters

Nothing is done before the form that comes with the dry run is sent; `look=yes` shows that at once.
"""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import Response

from umeter_station.api.deps import BooksDep, Caller
from umeter_station.desk import tariffs
from umeter_station.errors import Conflict, StationError
from umeter_station.fleet import approving as approving  # Registers what an approval does.
from umeter_station.fleet import names, rollout_plan, rollout_rows, templates, waves
from umeter_station.fleet.rollout_plan import Consent
from umeter_station.people import approvals, sites
from umeter_station.web import route
from umeter_station.web.fleet.choosing import Wish, WishDep
from umeter_station.web.fleet.looked import Looked, looked
from umeter_station.web.forms import Tick
from umeter_station.web.guard import page
from umeter_station.web.language import gettext as _
from umeter_station.web.route import go_on, status_of
from umeter_station.web.templating import render

router = route.router("/console/fleet")

Reader = Annotated[Caller, page("fleet:read")]
Writer = Annotated[Caller, page("fleet:write")]
MOST_SITES = 1_000
# For the where-expression: what is asked for often.
EXAMPLES = (
    "presence=online",
    "label.floor=3",
    "board=pico2 and version<1.2",
    "ch.*.limit_w>3000",
    "reading_age>15min",
    "differs>0",
)


@router.get("/rollouts/new")
def new(
    request: Request,
    books: BooksDep,
    who: Reader,
    wish: WishDep,
    look: Annotated[str, Query(max_length=3)] = "",
) -> Response:
    return _form(request, books, who, wish, bool(look))


@router.post("/rollouts")
def start(
    request: Request,
    books: BooksDep,
    who: Writer,
    wish: WishDep,
    seen: Annotated[str, Form(max_length=64)] = "",
    leave_out: Tick = "",
    cut_off: Tick = "",
) -> Response:
    try:
        with books.db.read() as conn:
            chosen = wish.meters.selection(conn, who.now_s)
            changes, template = wish.changes(conn)
            tried = rollout_plan.dry_run(conn, chosen, changes, who.now_s)
        if looked(tried).mark != seen:
            raise Conflict(
                _("The meters or their settings have changed since; look at them again.")
            )
        versions = {one.meter: one.version for one in tried}
        consent = Consent(bool(leave_out), bool(cut_off), versions)
        pace = wish.speed.pace()
        with books.db.write() as conn:
            rollout_id = rollout_plan.start_set(
                conn, chosen, changes, pace, who.by, who.now_s, consent, template
            )
            state = rollout_rows.get(conn, rollout_id).state
    except StationError as error:
        return _form(request, books, who, wish, True, str(error), status_of(error))
    said = "rollout-asked" if state == "asked" else "rollout-begun"
    return go_on(f"/console/fleet/rollouts/{rollout_id}", said)


def _form(
    request: Request,
    books: Any,
    who: Caller,
    wish: Wish,
    look: bool,
    wrong: str = "",
    status: int = 200,
) -> Response:
    dry: Looked | None = None
    canaries = 0
    takes_two = False
    with books.db.read() as conn:
        if look:
            try:
                chosen = wish.meters.selection(conn, who.now_s)
                changes, _name = wish.changes(conn)
                pace = wish.speed.pace()
                dry = looked(rollout_plan.dry_run(conn, chosen, changes, who.now_s))
                canaries = waves.amount(pace.canary, dry.taking)
                takes_two = rollout_plan.is_tariff(changes) and approvals.needed(conn, "tariff")
            except StationError as error:
                wrong, status = wrong or str(error), max(status, status_of(error))
        context = {
            "sites": sites.page(conn, MOST_SITES),
            "tariffs": [each.name for each in tariffs.all_newest(conn)],
            "templates": templates.newest(conn),
        }
    return render(
        request,
        "fleet/new.html",
        status,
        wish=wish,
        rows=[*wish.rows, *[("", "")] * max(1, 3 - len(wish.rows))],
        dry=dry,
        canaries=canaries,
        takes_two=takes_two,
        wrong=wrong,
        may_start=who.may("fleet:write"),
        keys=names.setting_names(),
        examples=EXAMPLES,
        fields=names.FIELDS,
        **context,
    )

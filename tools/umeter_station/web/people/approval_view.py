"""What waits for a second person, in words: what would happen if it is agreed to."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from umeter_station import change
from umeter_station.api.deps import Caller
from umeter_station.errors import NotFound
from umeter_station.fleet import rollout_rows
from umeter_station.people import approvals, roles
from umeter_station.people.approvals import KINDS, Approval
from umeter_station.web.language import current
from umeter_station.web.language import gettext as _


@dataclass(frozen=True)
class Asked:
    """`link`: the page of what it is about, empty if there is none. `may_decide`: the caller;
    `is_own`: who asked cannot be who agrees."""

    approval: Approval
    sentence: str
    link: str
    is_own: bool
    may_decide: bool


def may_decide(who: Caller, kind: str) -> bool:
    return who.role in roles.APPROVERS and who.may(KINDS[kind])


def shown(conn: Connection, approval: Approval, who: Caller) -> Asked:
    try:
        sentence, link = _WORDS[approval.kind](conn, approval.args)
    except KeyError:  # Asked by an older station, in other words.
        sentence, link = json.dumps(approval.args, ensure_ascii=False), ""
    is_own = approval.asked_by == who.by
    is_open = approval.state == "asked"
    may = is_open and not is_own and may_decide(who, approval.kind)
    return Asked(approval, sentence, link, is_own, may)


def page(
    conn: Connection, who: Caller, limit: int, before_id: int | None, only_open: bool
) -> list[Asked]:
    found = approvals.page(conn, limit, who.now_s, before_id, only_open)
    return [shown(conn, each, who) for each in found]


def _supply(_conn: Connection, args: dict[str, Any]) -> tuple[str, str]:
    told = {"meter": args["meter"], "ch": args["ch"]}
    words = {
        "open": _("Channel %(ch)s of %(meter)s is cut off: its contact is held open."),
        "close": _("Channel %(ch)s of %(meter)s may have supply again: its contact is released."),
    }
    return words[args["state"]] % told, f"/console/meters/{args['meter']}"


def _refund(_conn: Connection, args: dict[str, Any]) -> tuple[str, str]:
    amount = current().money(args["amount_u"]) if "amount_u" in args else ""
    if "payment_id" in args:
        told = {"amount": amount, "number": args["payment_id"]}
        return _("%(amount)s of payment %(number)s go back to whoever paid it.") % told, ""
    if "tenant_id" in args:
        told = {"amount": amount, "number": args["tenant_id"]}
        sentence = _("%(amount)s are paid out from the wallet of tenant %(number)s.")
        return sentence % told, f"/console/tenants/{args['tenant_id']}"
    told = {"amount": amount, "meter": args["meter"], "ch": args["ch"]}
    sentence = _("%(amount)s are paid out from the balance of channel %(ch)s of %(meter)s.")
    return sentence % told, f"/console/desk/at/{args['meter']}/{args['ch']}"


def _tariff(conn: Connection, args: dict[str, Any]) -> tuple[str, str]:
    if "rollout_id" in args:
        return _rollout(conn, args)
    told = {"name": args["name"], "version": args["version"], "meter": args["meter"]}
    told["ch"] = args["ch"]
    if args.get("from_s"):
        told["time"] = current().when(args["from_s"])
        where = {
            True: _("%(meter)s gets tariff %(name)s, version %(version)s, from %(time)s on."),
            False: _(
                "Channel %(ch)s of %(meter)s gets tariff %(name)s, version %(version)s, from"
                " %(time)s on."
            ),
        }
    else:
        where = {
            True: _("%(meter)s gets tariff %(name)s, version %(version)s, at once."),
            False: _(
                "Channel %(ch)s of %(meter)s gets tariff %(name)s, version %(version)s, at once."
            ),
        }
    return where[not args["ch"]] % told, f"/console/meters/{args['meter']}"


def _rollout(conn: Connection, args: dict[str, Any]) -> tuple[str, str]:
    number = args["rollout_id"]
    values = args.get("values", {})
    told = {
        "number": number,
        "meters": args.get("meters", 0),
        "settings": ", ".join(f"{key} = {change.shown(key, v)}" for key, v in values.items()),
    }
    sentence = _("Rollout %(number)s begins: %(settings)s, on %(meters)s meters.") % told
    try:
        rollout_rows.get(conn, number)
    except NotFound:
        return sentence, ""
    return sentence, f"/console/fleet/rollouts/{number}"


_WORDS = {"supply": _supply, "refund": _refund, "tariff": _tariff}

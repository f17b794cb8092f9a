"""What of the desk takes two people where that is switched on: a tariff, and money paid out."""

from typing import Any

from sqlalchemy import Connection

from umeter_station.desk import payouts, tariffs
from umeter_station.desk.tariffs import Tariff
from umeter_station.fleet import approving as approving  # Registers what a rollout does, first.
from umeter_station.fleet import rollouts
from umeter_station.pay import refunds, wallets
from umeter_station.people import approvals, tenants
from umeter_station.people.approvals import Done


def pay_out(conn: Connection, args: dict[str, Any], by: str, now_s: int) -> Done:
    """`args`: of payouts.pay_out. Once per key, whoever agrees how often."""
    known = payouts.by_key(conn, args["key"])
    if known is not None:
        payouts.pay_out(conn, **args, by=by, now_s=now_s)  # Conflict for another payout.
        return Done(None, {"id": known.id})
    return approvals.carry_out(conn, "refund", args, by, now_s)


def pay_out_wallet(conn: Connection, args: dict[str, Any], by: str, now_s: int) -> Done:
    """`args`: of wallets.pay_out. Once per key, whoever agrees how often."""
    tenants.get(conn, args["tenant_id"])
    if wallets.is_paid_out(conn, args["key"]):
        wallets.pay_out(conn, **args, by=by, now_s=now_s)  # Conflict for another one.
        return Done(None, {"tenant_id": args["tenant_id"]})
    return approvals.carry_out(conn, "refund", args, by, now_s)


def push(
    conn: Connection,
    meter: str,
    ch: int,
    tariff: Tariff,
    by: str,
    now_s: int,
    from_s: int | None = None,
) -> Done:
    args = {"meter": meter, "ch": ch, "name": tariff.name, "version": tariff.version}
    args["from_s"] = from_s
    return approvals.carry_out(conn, "tariff", args, by, now_s)


def _pay_out(conn: Connection, args: dict[str, Any], by: str, now_s: int) -> dict[str, Any]:
    if "payment_id" in args:  # By the provider, as soon as its polling finds it (pay/refunds.py).
        return {"refund_id": refunds.ask(conn, **args, by=by, now_s=now_s).id}
    if "tenant_id" in args:
        wallets.pay_out(conn, **args, by=by, now_s=now_s)
        return {"tenant_id": args["tenant_id"]}
    return {"id": payouts.pay_out(conn, **args, by=by, now_s=now_s).id}


def _tariff(conn: Connection, args: dict[str, Any], by: str, now_s: int) -> dict[str, Any]:
    if "rollout_id" in args:  # A change of many meters (fleet/approving.py).
        rollouts.approved(conn, args["rollout_id"])
        return {"rollout_id": args["rollout_id"]}
    tariff = tariffs.get(conn, args["name"], args["version"])
    place = (args["meter"], args["ch"])
    orders = tariffs.push(conn, *place, tariff, by, now_s, args["from_s"])
    return {"orders": orders}


approvals.execute("refund", _pay_out)
approvals.execute("tariff", _tariff)

"""Holding a contact open, or releasing it: by two people where that is switched on."""

from typing import Any

from sqlalchemy import Connection

from umeter_station import meters, orders
from umeter_station.errors import StationError
from umeter_station.people import acts, approvals
from umeter_station.people.approvals import Done


def order(conn: Connection, meter: str, ch: int, state: str, by: str, now_s: int) -> Done:
    """`state`: "open" cuts the supply, "close" lets it be. The result has the `order_id`."""
    # What cannot be ordered is refused before anybody is asked.
    meters.check_channel(meters.get(conn, meter), ch)
    if state not in ("open", "close"):
        raise StationError(f"A contact can be ordered open or close, not {state!r}.")
    args = {"meter": meter, "ch": ch, "state": state}
    return approvals.carry_out(conn, "supply", args, by, now_s)


def _order(conn: Connection, args: dict[str, Any], by: str, now_s: int) -> dict[str, Any]:
    meter, ch, state = args["meter"], args["ch"], args["state"]
    order_id = orders.order_supply(conn, meter, ch, state, now_s, by)
    acts.note(conn, by, f"supply.{state}", f"{meter}/{ch}", {"order_id": order_id}, now_s)
    return {"order_id": order_id}


approvals.execute("supply", _order)

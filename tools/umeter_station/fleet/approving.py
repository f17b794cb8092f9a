"""What happens when another person agrees to a change of prices: its rollout may begin."""

from typing import Any

from sqlalchemy import Connection

from umeter_station.fleet import rollouts
from umeter_station.people import approvals


def _agreed(conn: Connection, args: dict[str, Any], by: str, now_s: int) -> dict[str, Any]:
    """It begins with the next step of the rollouts, which sees the approval."""
    rollouts.approved(conn, args["rollout_id"])
    return {"rollout_id": args["rollout_id"]}


approvals.execute("tariff", _agreed)

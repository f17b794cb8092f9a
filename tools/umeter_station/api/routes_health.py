"""Whether the station is there."""

from typing import Annotated

from fastapi import APIRouter

from umeter_station.api.deps import Out, anyone

router = APIRouter(tags=["health"])


class Live(Out):
    status: str


@router.get("/healthz")
def live(_: Annotated[None, anyone("a supervisor has no key")]) -> Live:
    """This process answers."""
    return Live(status="live")

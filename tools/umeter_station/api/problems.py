"""Every refusal as an RFC 9457 problem: application/problem+json, one sentence in `detail`.

What the caller sent is never repeated in an answer: it may hold a password.
"""

import logging
import math
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from umeter_station.errors import Conflict, NotFound, StationError, Unavailable

log = logging.getLogger("umeter_station.api")

MEDIA_TYPE = "application/problem+json"
_TYPES = {
    400: "refused",
    401: "sign-in",
    403: "forbidden",
    404: "not-found",
    405: "method",
    409: "conflict",
    413: "too-large",
    415: "media-type",
    422: "invalid",
    429: "too-many",
    500: "fault",
    503: "not-now",
}


class Fault(BaseModel):
    pointer: str = Field(description="Where in the request, as body/amount_u.")
    detail: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str = ""
    errors: list[Fault] = []


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE


class Refusal(HTTPException):
    """`kind` goes into the problem's type where a status says too little."""

    def __init__(
        self, status: int, detail: str, headers: dict[str, str] | None = None, kind: str = ""
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind


def refuse(
    status: int, detail: str, headers: dict[str, str] | None = None, kind: str = ""
) -> Refusal:
    """To be raised by whoever has no better error."""
    return Refusal(status, detail, headers, kind)


def too_many(wait_s: float) -> Refusal:
    seconds = max(1, math.ceil(wait_s))
    return refuse(
        429, f"Too many requests; ask again in {seconds} s.", {"Retry-After": str(seconds)}
    )


def response(
    scope: dict[str, Any],
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: list[Fault] | None = None,
    kind: str = "",
) -> ProblemResponse:
    problem = Problem(
        type=f"urn:umeter:problem:{kind or _TYPES.get(status, 'other')}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=scope.get("state", {}).get("request_id", ""),
        errors=errors or [],
    )
    return ProblemResponse(problem.model_dump(exclude_defaults=True), status, headers)


def add_to(app: FastAPI) -> None:
    """Have the app answer every exception with a problem."""

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> ProblemResponse:
        headers = dict(error.headers) if error.headers else None
        kind = getattr(error, "kind", "")
        return response(request.scope, error.status_code, str(error.detail), headers, kind=kind)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> ProblemResponse:
        faults = [_fault(found) for found in error.errors()]
        first = f" ({faults[0].pointer}: {faults[0].detail})" if faults else ""
        detail = f"The request is not what this takes{first}."
        return response(request.scope, 422, detail, errors=faults)

    @app.exception_handler(StationError)
    async def _station(request: Request, error: StationError) -> ProblemResponse:
        for kind, status in ((Conflict, 409), (NotFound, 404)):
            if isinstance(error, kind):
                return response(request.scope, status, str(error))
        return response(request.scope, 400, str(error))

    @app.exception_handler(Unavailable)
    async def _database(request: Request, error: Unavailable) -> ProblemResponse:
        log.error("%s", error, exc_info=error)
        return response(request.scope, 503, str(error), {"Retry-After": "5"})

    @app.exception_handler(sa.exc.DataError)
    @app.exception_handler(OverflowError)
    async def _data(request: Request, error: Exception) -> ProblemResponse:
        # Numbers beyond 64 bits, and texts with a zero character.
        return response(request.scope, 400, "A value in the request cannot be stored.")

    @app.exception_handler(Exception)
    async def _fault_of_ours(request: Request, error: Exception) -> ProblemResponse:
        # Whoever runs the app writes the traceback down: the error goes on after this answer.
        return response(request.scope, 500, "The station could not answer; its log tells why.")


def _fault(found: dict[str, Any]) -> Fault:
    # Without `input` and `ctx`, which may repeat a secret.
    pointer = "/".join(str(part) for part in found["loc"])
    return Fault(pointer=pointer, detail=str(found["msg"]))

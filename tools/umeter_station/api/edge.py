"""Around the whole app: request ids, the limit per address, headers, and one line in the log.

Outside of the framework's own middleware, so that what that answers has all of it, too; its plain
text for a body that is too large becomes a problem here.
"""

import logging
import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from umeter_station.api import problems
from umeter_station.api.limits import Buckets
from umeter_station.api.metrics import Metrics

log = logging.getLogger("umeter_station.api.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HSTS = {"Strict-Transport-Security": "max-age=31536000"}


class Edge:
    """The outermost layer; `per_address` is asked before anything else is done."""

    def __init__(
        self, app: ASGIApp, per_address: Buckets, plain_http: bool, metrics: Metrics
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._per_address = per_address
        self._headers = _HEADERS if plain_http else {**_HEADERS, **_HSTS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("X-Request-Id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.monotonic()
        answer = _Answer(scope, receive, send, {**self._headers, "X-Request-Id": request_id})
        waits = self._per_address.take(scope["client"][0] if scope.get("client") else "")
        try:
            if waits:
                refused = problems.too_many(waits)
                headers = dict(refused.headers or {})
                await problems.response(scope, 429, refused.detail, headers)(
                    scope, receive, answer
                )
            else:
                # Each line that is told meanwhile, on a worker's thread too, names the request.
                with structlog.contextvars.bound_contextvars(request_id=request_id):
                    await self._app(scope, receive, answer)
        finally:
            # Of the path its pattern, and which meter or row it is about; no keys, and no query:
            # neither may tell a secret.
            route = getattr(scope.get("route"), "path", "-")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            took_s = time.monotonic() - began
            self._metrics.request(method, route, answer.status, took_s)
            told = {"method": method, "route": route, "status": answer.status}
            more = {"took_ms": int(took_s * 1000), "request_id": request_id, **_about(scope)}
            log.info("request", extra={**told, **more})


def _about(scope: Scope) -> dict[str, object]:
    named = scope.get("path_params") or {}
    return {n: v for n, v in named.items() if n in ("meter", "ch") or n.endswith("_id")}


class _Answer:
    """Sends on what the app answers, with our headers."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]
    ) -> None:
        self.status = 500
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = headers
        self._is_replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            self.status = message["status"]
            if self.status == 413 and headers.get("Content-Type", "").startswith("text/plain"):
                await problems.response(self._scope, 413, "That is too large.")(
                    self._scope, self._receive, self
                )
                self._is_replaced = True
                return
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        if not self._is_replaced:
            await self._send(message)

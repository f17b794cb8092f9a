"""The API's own description, OpenAPI 3.1: what every endpoint takes, and what it refuses with."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from umeter_station.api.deps import CSRF_HEADER, SAFE_METHODS, Anyone, Need
from umeter_station.api.problems import MEDIA_TYPE, Problem

_REF = "#/components/schemas/{model}"
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def guard_of(route: APIRoute) -> Need | Anyone:
    """What an endpoint declares. Raises TypeError if it declares nothing."""
    found = [d.call for d in route.dependant.dependencies if isinstance(d.call, Need | Anyone)]
    if len(found) != 1:
        raise TypeError(f"{route.name} ({route.path}) needs exactly one need() or anyone().")
    return found[0]


def describe(app: FastAPI, routes: Iterable[APIRoute], cookie: str) -> None:
    """Have `app.openapi()` tell of problems, scopes and how callers say who they are."""
    plain = app.openapi
    known = list(routes)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(plain(), known, cookie)
        return app.openapi_schema

    app.openapi = openapi


def _complete(document: dict[str, Any], routes: list[APIRoute], cookie: str) -> None:
    components = document.setdefault("components", {})
    schema = Problem.model_json_schema(ref_template=_REF)
    schemas = components.setdefault("schemas", {})
    schemas.update({**schema.pop("$defs", {}), "Problem": schema})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
        "session": {"type": "apiKey", "in": "cookie", "name": cookie},
    }
    for route in routes:
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete_operation(operation, method, guard_of(route))


def _complete_operation(operation: dict[str, Any], method: str, guard: Need | Anyone) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status, description in (("4XX", "Refused."), ("5XX", "Not now.")):
        responses.setdefault(status, {"description": description, **_PROBLEM})
    if isinstance(guard, Need):
        operation["security"] = [{"key": []}, {"session": []}]
        operation["x-scopes"] = list(guard.scopes)
        if method not in SAFE_METHODS:
            note = f"With a session it needs the header {CSRF_HEADER}."
            operation["description"] = f"{operation.get('description', '')}\n\n{note}".strip()
    else:
        operation["security"] = []

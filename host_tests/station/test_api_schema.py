"""The API against its own description: schemathesis makes requests of it, right and wrong ones.

No answer may be a fault of ours, nor one that the description does not know. Every endpoint is
asked as somebody who may use it, about things that are there as often as not.
"""

import os
import time

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api_kit import Api, quick_passwords
from umeter_station.api import app as apis
from umeter_station.api import deps
from umeter_station.api.openapi import guard_of
from umeter_station.ops import health
from umeter_station.people import acts, roles, sessions

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# More of them, and other ones each time, by UMETER_API_EXAMPLES=50.
EXAMPLES = int(os.environ.get("UMETER_API_EXAMPLES", "2"))
ENGINE = os.environ.get("UMETER_API_ENGINE", "sqlite")
# Changes nothing, or nothing if it was so before: then there is no act, either.
SILENT = {
    "POST /v1/settings/dry-run",
    "PATCH /v1/people/{person_id}",
    "DELETE /v1/people/{person_id}/totp",
    "PATCH /v1/tenants/{tenant_id}",
    "POST /v1/tenants/{tenant_id}/forget",
    "DELETE /v1/tenants/{tenant_id}/logins/{person_id}",
    "DELETE /v1/keys/{key_id}",
    "POST /v1/totp/remove",
    "PUT /v1/own/consents/{purpose}",
    "DELETE /v1/own/consents/{purpose}",
    "POST /v1/sales/by-key/{key}/resend",
    "POST /v1/sales/by-key/{key}/refund",
    # Noted with the receipt itself.
    "POST /v1/receipts/{register}/{receipt_no}/prints",
    # Nothing but a talk.
    "POST /v1/phone/calls",
    "POST /v1/phone/calls/end",
    "POST /v1/phone/balance",
    "POST /v1/phone/quote",
    "POST /v1/phone/sms",
}
stations = []
_GUARDS = {
    (method, route.path_format): guard_of(route)
    for route in apis.routes()
    for method in route.methods
}


def _admitted(api):
    """Instead of identify(): whoever may do it is who asks."""

    def admitted(request):
        guard = _GUARDS[request.method, request.scope["route"].path_format]
        now_s = api.clock.now_s()
        own = set(guard.scopes) & roles.SCOPES["tenant"]
        name, person_id = ("tess", 5) if own else ("anna", 1)
        role = "tenant" if own else "owner"
        session = sessions.Session(
            "", "", person_id, name, role, 1 if own else None, now_s, now_s, now_s + 60
        )
        return deps.Caller(
            by="tenant:1" if own else f"operator:{name}",
            role=role,
            scopes=roles.SCOPES[role],
            now_s=now_s,
            tenant_id=1 if own else None,
            person_id=person_id,
            session=session,
        )

    return admitted


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        quick_passwords(monkeypatch)
        api = Api(tmp_path_factory.mktemp("schema"), engine=ENGINE)
        api.live_in()
        stations.append(api)
        with api.write() as conn:
            for role in health.ROLES:
                # A day ahead: as ready as long as this lasts.
                health.beat(conn, role, 0, 0, int(time.time()) + 86_400)
        monkeypatch.setattr(deps, "identify", _admitted(api))
        yield schemathesis.openapi.from_asgi("/openapi.json", api.app)
        api.close()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=["right", "wrong"])
@pytest.mark.parametrize("asked_for", _GUARDS, ids=" ".join)
def test_every_endpoint_answers_as_described(asked, asked_for, mode):
    method, path = asked_for
    operation = asked[path][method]

    @settings(
        max_examples=EXAMPLES if mode is GenerationMode.POSITIVE else (EXAMPLES + 1) // 2,
        deadline=None,
        database=None,
        derandomize=EXAMPLES == 2,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        _of_what_is_there(case.path_parameters)
        before = _acts()
        answer = case.call_and_validate(checks=CHECKS)
        if method not in deps.SAFE_METHODS and answer.status_code < 300 and _acts() == before:
            assert f"{method} {path}" in SILENT

    try:
        ask()
    except Unsatisfiable:
        # There is no wrong request of an endpoint that takes nothing.
        assert mode is GenerationMode.NEGATIVE


def _acts():
    with stations[-1].read() as conn:
        return acts.verify(conn).count


def _of_what_is_there(parameters):
    """Half of the time ask for what is there, else for whatever was made up."""
    known = {"meter": "m1", "ch": 1, "key": "k1"}
    for name, value in parameters.items():
        if type(value) is int and value % 2:
            parameters[name] = known.get(name, 1 + value % 3)
        elif isinstance(value, str) and len(value) % 2:
            parameters[name] = known.get(name, value)

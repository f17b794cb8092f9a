"""A station's API in this process, and callers of every role."""

import functools
import re
from contextlib import contextmanager
from typing import ClassVar

import jinja2
import sqlalchemy as sa
from argon2 import PasswordHasher
from fastapi import routing
from starlette.testclient import TestClient

from pay_kit import Shop
from postgres_kit import new_postgres
from station_kit import (
    NOW_S,
    STATION_KEY,
    FixedClock,
    new_database,
    reading,
    store,
    uplink,
)
from umeter_station import config
from umeter_station.api.app import create_app
from umeter_station.api.deps import CSRF_HEADER
from umeter_station.api.settings import ApiSettings
from umeter_station.desk import sales
from umeter_station.people import accounts, keys, passwords, roles, sessions, tenants
from umeter_station.station import Books

PASSWORD = "correct horse battery"
PROBLEM = "application/problem+json"
OTHERS_U = 77_770_000
# As pages and files tell it; no digest of ours has that.
OTHERS_TOLD = ("77.77", "77,77", "77770000")
FREELY = (1e6, 1_000_000)


@functools.cache
def password_hash():
    """Made once: it takes as long as a hundred statements."""
    return passwords.hashed(PASSWORD)


def quick_passwords(monkeypatch):
    """Hash with next to no work, where it is not the hashing that is tested."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))


def filled(path, meter="m1", ch=1, number=1):
    """A path with something for each of its placeholders; `number` stands in all ids and keys."""
    known = {"meter": meter, "ch": ch, "key": f"{'p' if 'payments' in path else 'k'}{number}"}

    def value(found):
        name = found[1].partition(":")[0]
        return str(known.get(name, _WORDS.get(name, number)))

    return re.sub(r"\{([^}]+)\}", value, path)


# Placeholders that are words.
_WORDS = {
    "purpose": "alerts.email",
    "kind": "refund",
    "table": "ledger",
    "register": "desk",
    "provider": "sandbox",
}


def walked(document):
    """Every object in a JSON document."""
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from walked(each)


def problem(answer, status, kind):
    """The body of an answer that must be this refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    body = answer.json()
    assert body["type"] == f"urn:umeter:problem:{kind}" and body["status"] == status
    assert body["detail"] and body["title"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body


class _Compiled(jinja2.BytecodeCache):
    """Each station of these tests is another; their pages are the same."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket):
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket):
        self.kept[bucket.key] = bucket.bytecode_to_string()


def _routes_once():
    """What FastAPI makes of each route of a router is the same for every application of these
    tests, and takes most of the time of its first request."""
    make, made = routing._IncludedRouter._build_effective_context, {}

    def build(self, route):
        key = id(route), self.include_context.prefix
        if key not in made:
            made[key] = route, make(self, route)  # the route, so that its id stays its own
        return made[key][1]

    routing._IncludedRouter._build_effective_context = build


_routes_once()


class Api:
    """`anna`, an owner, `olaf`, an operator, `carl`, a cashier, and `ada`, an auditor; tenant 1
    has channel 1 of m1 and signs in as `tess`, tenant 2 has channel 2 and signs in as `ulla`."""

    def __init__(self, home, engine="sqlite", make_app=create_app, **settings):
        make = new_postgres if engine == "postgresql" else functools.partial(new_database, home)
        db = make("m1", "m2")
        db.close()
        (home / "station.key").write_text(STATION_KEY.hex())
        where = db.url if engine == "postgresql" else config.DEFAULT_DATABASE
        config.create_home(home, "mqtt://127.0.0.1:1", database=where)
        self.clock = FixedClock()
        self.books = Books(home, self.clock)
        self.monotonic_s = 0.0
        limits = dict.fromkeys(("per_address", "per_caller", "per_stranger"), FREELY)
        self.app = make_app(
            self.books, ApiSettings(**{**limits, **settings}), lambda: self.monotonic_s
        )
        if hasattr(self.app.state, "templates"):
            self.app.state.templates._env.bytecode_cache = _Compiled()
        with self.books.db.write() as conn:
            people = [("anna", "owner"), ("olaf", "operator"), ("carl", "cashier")]
            for name, role in [*people, ("ada", "auditor")]:
                accounts.add(conn, name, role, password_hash(), "system", NOW_S)
            for number, name in ((1, "tess"), (2, "ulla")):
                tenant_id = tenants.add(conn, f"Tenant {number}", "system", NOW_S)
                tenants.move_in(conn, tenant_id, "m1", number, NOW_S - 1000, "system", NOW_S)
                accounts.add(
                    conn, name, "tenant", password_hash(), "system", NOW_S, tenant_id=tenant_id
                )

    def close(self):
        self.books.close()

    @functools.cached_property
    def document(self):
        return self.app.openapi()

    def _operation(self, route, method):
        return self.document["paths"][route.path_format][method.lower()]

    def query_of(self, route, method, meter, ch):
        """What an endpoint that takes a channel in its query is asked, and what it needs."""
        taken = {"meter": meter, "ch": ch}
        found = {}
        for parameter in self._operation(route, method).get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] == "query" and (parameter["required"] or name in taken):
                found[name] = taken.get(name, self._made(parameter["schema"], taken))
        return found

    def body_of(self, route, method, meter, ch):
        """A plausible body about a channel; None if it takes none."""
        content = self._operation(route, method).get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        schema = content["application/json"]["schema"]
        return self._made(schema, {"meter": meter, "ch": ch})

    def _made(self, schema, known):
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._made(schema[several][0], known)
        if "enum" in schema or "const" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        if schema.get("type") == "object":
            wanted = set(schema.get("required", ())) | (set(known) & set(schema["properties"]))
            return {
                name: known.get(name, self._made(schema["properties"][name], known))
                for name in wanted
            }
        if schema.get("type") == "array":
            return [self._made(schema["items"], known)] * schema.get("minItems", 1)
        if schema.get("type") == "integer":
            return max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        if schema.get("type") == "boolean":
            return True
        return "x" * max(1, schema.get("minLength", 1))

    def live_in(self):
        """A sale and a payment, each number 1, at tess's channel; 2 is ulla's, 3 at m2, and 4 was
        at tess's channel before she came. All that is not hers tells of OTHERS_U. `gone` had
        channel 4 of m1 until a while ago."""
        with self.write() as conn:
            then_s = NOW_S - 100_000
            tenant_id = tenants.add(conn, "Tenant 3", "system", then_s)
            tenants.move_in(conn, tenant_id, "m1", 4, then_s, "system", then_s)
            tenants.move_out(conn, "m1", 4, NOW_S - 500, "system", NOW_S)
            accounts.add(
                conn, "gone", "tenant", password_hash(), "system", NOW_S, tenant_id=tenant_id
            )
        told = reading(channels=4, energy_wh=[1, OTHERS_U, OTHERS_U, OTHERS_U])
        store(self.books.db, uplink("reading", told), now_s=NOW_S)
        with self.write() as conn:
            # Else orders that nobody sends would be late.
            conn.execute(sa.text("UPDATE meters SET presence = 'offline' WHERE meter = 'm1'"))
        shop = Shop(self.books.db)
        places = [("m1", 1), ("m1", 2), ("m2", 1), ("m1", 1)]
        for number, (meter, ch) in enumerate(places, start=1):
            at_s = NOW_S - 5_000 if number == 4 else NOW_S
            amount_u = 1_000_000 if number == 1 else OTHERS_U
            with self.write() as conn:
                sales.sell_at_desk(conn, meter, ch, amount_u, f"k{number}", at_s)
            shop.clock.unix_s = at_s
            shop.pay(amount_u, f"p{number}", f"tenant:{number}", meter=meter, ch=ch)

    def client(self, **options):
        return TestClient(self.app, base_url="https://testserver", **options)

    def as_(self, name, **options):
        """A client that is signed in, without hashing a password."""
        with self.books.db.write() as conn:
            person = accounts.named(conn, name)
            token = sessions.start(
                conn, person.id, person.role, "testclient", "", self.clock.now_s()
            )
        client = self.client(**options)
        client.cookies.set("__Host-umeter", token, domain="testserver.local", path="/")
        client.headers[CSRF_HEADER] = sessions.csrf_of(token)
        return client

    def as_key(self, *scopes, name="machine", **options):
        scopes = frozenset(scopes) or roles.KEY_SCOPES
        with self.books.db.write() as conn:
            _, secret = keys.add(conn, name, scopes, "system", self.clock.now_s())
        client = self.client(**options)
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

    def sign_in(self, name, password=PASSWORD, code="", client=None):
        client = client or self.client()
        body = {"name": name, "password": password, "code": code}
        answer = client.post("/v1/session", json=body)
        if answer.status_code == 201:
            client.headers[CSRF_HEADER] = answer.json()["csrf"]
        return client, answer

    @contextmanager
    def write(self):
        with self.books.db.write() as conn:
            yield conn

    @contextmanager
    def read(self):
        with self.books.db.read() as conn:
            yield conn

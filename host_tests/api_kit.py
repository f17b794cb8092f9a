"""A station's API in this process, and callers of every role."""

import functools
from contextlib import contextmanager

from argon2 import PasswordHasher
from starlette.testclient import TestClient

from station_kit import NOW_S, FixedClock, new_database
from umeter_station import config
from umeter_station.api.app import create_app
from umeter_station.api.deps import CSRF_HEADER
from umeter_station.api.settings import ApiSettings
from umeter_station.people import accounts, keys, passwords, roles, sessions, tenants
from umeter_station.station import Books

PASSWORD = "correct horse battery"
FREELY = (1e6, 1_000_000)


@functools.cache
def password_hash():
    """Made once: it takes as long as a hundred statements."""
    return passwords.hashed(PASSWORD)


def quick_passwords(monkeypatch):
    """Hash with next to no work, where it is not the hashing that is tested."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))


class Api:
    """`anna`, an owner, `olaf`, an operator, `carl`, a cashier, and `ada`, an auditor; tenant 1
    has channel 1 of m1 and signs in as `tess`, tenant 2 has channel 2 and signs in as `ulla`."""

    def __init__(self, home, *meters, **settings):
        new_database(home, *(meters or ("m1", "m2"))).close()
        config.create_home(home, "mqtt://127.0.0.1:1")
        self.clock = FixedClock()
        self.books = Books(home, self.clock)
        self.monotonic_s = 0.0
        limits = dict.fromkeys(("per_address", "per_caller", "per_stranger"), FREELY)
        self.app = create_app(
            self.books, ApiSettings(**{**limits, **settings}), lambda: self.monotonic_s
        )
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

"""`umeter-station people`, `keys`, `tenants`, `sites` and `acts`, as they are typed."""

import re

import pyotp
import pytest

from api_kit import quick_passwords
from cli_kit import clocked_home, run, told
from station_kit import KEY, NOW_S, new_database
from umeter_station import ledger
from umeter_station.people import accounts, approvals, keys, passwords, totp
from umeter_station.station import Books

PASSWORD = "correct horse battery\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    new_database(tmp_path).close()
    return clocked_home(tmp_path)


def _said(home, *words, **more):
    done = run(home, *words, **more)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_name_is_shown_as_it_is(home):
    name = "[/red] bank:house:1 [link=x]"
    _said(home, "tenants", "add", name)
    assert name in _said(home, "tenants", "list")


def test_what_is_in_a_wallet_is_told_and_paid_out_once(home):
    _said(home, "tenants", "add", "Tess")
    books = Books(home)
    with books.db.write() as conn:
        into = {"debit": ledger.bank("main"), "credit": ledger.wallet(1)}
        ledger.post(conn, key="in", amount_u=50_000_000, created_at=1, **into)
    assert "holds 50.00; transfers into it bear RF" in _said(home, "tenants", "wallet", "1")
    for _ in range(2):
        said = _said(home, "tenants", "pay-out", "1", "30", "--bank", "main", "--key", "out")
        assert "holds 20.00" in said
    for words, why in (
        (("1", "20.01", "--bank", "main"), "less than 20.01"),
        (("1", "20", "--bank", "main", "--key", "out"), "other contents"),
        (("2", "1", "--bank", "main"), "no tenant 2"),
    ):
        refused = run(home, "tenants", "pay-out", *words)
        assert refused.exit_code == 1 and why in refused.output, refused.output
    with books.db.write() as conn:
        approvals.switch(conn, "refund", True, "op", NOW_S)
    assert "two people" in _said(home, "tenants", "pay-out", "1", "20", "--bank", "main")
    assert "no tenant 2" in run(home, "tenants", "pay-out", "2", "20", "--bank", "main").output
    assert "holds 20.00" in _said(home, "tenants", "wallet", "1")
    books.close()


def test_people(home):
    _said(home, "people", "add", "Anna", "--role", "owner", input=PASSWORD)
    _said(home, "people", "add", "carl", "--role", "cashier", input=PASSWORD)
    assert "password" not in _said(home, "people", "list").replace("password of", "")
    refused = run(home, "people", "add", "eve", "--role", "king", input=PASSWORD)
    assert refused.exit_code == 1 and "roles are" in refused.output
    assert run(home, "people", "add", "eve", "--role", "owner", input="short\n").exit_code == 1
    _said(home, "people", "password", "carl", input="another horse battery\n")
    _said(home, "people", "role", "carl", "operator")
    _said(home, "people", "disable", "carl")
    assert run(home, "people", "disable", "anna").exit_code == 1
    books = Books(home)
    with books.db.read() as conn:
        carl = accounts.named(conn, "carl")
        stored = accounts.password_hash_of(conn, carl.id)
    assert passwords.is_right(stored, "another horse battery")
    assert (carl.role, carl.disabled_at) == ("operator", NOW_S)
    _said(home, "people", "enable", "carl")


def test_one_time_codes(home):
    _said(home, "people", "add", "anna", "--role", "owner", input=PASSWORD)

    def typed(monkeypatch):
        books = Books(home)
        secret = []
        enrol = totp.enrol

        def seen(*arguments):
            found = enrol(*arguments)
            secret.append(found.secret)
            return found

        monkeypatch.setattr(totp, "enrol", seen)
        monkeypatch.setattr(
            "umeter_station.cli_people.typer.prompt",
            lambda *_, **__: pyotp.TOTP(secret[0]).at(NOW_S),
        )
        return books

    with pytest.MonkeyPatch.context() as monkeypatch:
        books = typed(monkeypatch)
        output = _said(home, "people", "totp", "anna")
    assert "otpauth://totp/" in output
    assert len(re.findall(r"^  [a-z2-7]{4}(-[a-z2-7]{4}){3}$", output, re.MULTILINE)) == 10
    with books.db.read() as conn:
        assert accounts.named(conn, "anna").has_totp
    assert "no codes any more" in _said(home, "people", "totp", "anna", "--remove")


def test_keys(home):
    output = _said(home, "keys", "add", "desk1", "--scope", "sales:write", "--days", "30")
    secret = re.search(r"umk_\w+_\S+", output)[0]
    books = Books(home)
    with books.db.read() as conn:
        found = keys.find(conn, secret, NOW_S)
    assert (found.name, found.expires_at) == ("desk1", NOW_S + 30 * 86_400)
    listed = _said(home, "keys", "list")
    assert found.public_id in listed and secret not in listed
    _said(home, "keys", "revoke", "desk1")
    with books.db.read() as conn:
        assert keys.find(conn, secret, NOW_S) is None
    assert run(home, "keys", "add", "x", "--scope", "own:read").exit_code == 1
    assert run(home, "keys", "revoke", "nobody").exit_code == 1


def test_tenants_and_sites(home):
    books = Books(home)
    books.add_meter("m2", KEY)
    assert told(home, "tenants", "add", "Ada", "--email", "a@b.org") == ["Ada is tenant 1."]
    told(home, "tenants", "move-in", 1, "m1", 3, "--at", "2026-01-01")
    assert any("m1/3" in line for line in told(home, "tenants", "list"))
    assert run(home, "tenants", "move-in", 1, "m1", 3).exit_code == 1
    assert run(home, "tenants", "move-in", 1, "m1", 4, "--at", "tomorrow").exit_code == 1
    told(home, "tenants", "move-out", "m1", 3)
    told(home, "tenants", "forget", 1, "--yes")
    listed = " ".join(told(home, "tenants", "list"))
    assert "forgotten" in listed and "Ada" not in listed and "a@b.org" not in listed
    told(home, "sites", "add", "North", "--address", "Main St 1")
    told(home, "sites", "put", "North", "m2")
    assert any("m2" in line for line in told(home, "sites", "list"))
    told(home, "sites", "take", "m2")
    assert run(home, "sites", "put", "South", "m2").exit_code == 1


def test_acts(home):
    told(home, "sites", "add", "[bold]North")
    lines = told(home, "acts", "list", "--about", "site:1")
    assert any("site.add" in line and "[bold]North" in line for line in lines)
    (line,) = told(home, "acts", "verify")
    head = re.search(r"[0-9a-f]{64}", line)[0]
    told(home, "sites", "add", "South")
    told(home, "acts", "verify", "--head", head)
    with Books(home).db.write() as conn:
        conn.exec_driver_sql("DROP TRIGGER acts_no_update")
        conn.exec_driver_sql("UPDATE acts SET at = 0 WHERE n = 1")
    done = run(home, "acts", "verify")
    assert done.exit_code == 1 and "Act 1 is not sound" in done.output


def test_a_supply_that_takes_two_people(home, monkeypatch):
    told(home, "approvals", "switch", "supply", "--on")
    assert told(home, "supply", "m1", 2, "open") == [
        "That waits for another person, as approval 1."
    ]
    assert any("supply" in line for line in told(home, "approvals", "list"))
    assert run(home, "supply", "m1", 2, "ajar").exit_code == 1
    assert run(home, "supply", "m9", 2, "open").exit_code == 1
    assert "another person" in run(home, "approvals", "accept", 1).output
    assert Books(home).open_orders("m1") == 0
    monkeypatch.setattr("umeter_station.cli_approvals.operator", lambda: "operator:other")
    assert told(home, "approvals", "accept", 1) == ['Approval 1 is carried out: {"order_id": 1}.']
    assert run(home, "approvals", "decline", 1).exit_code == 1
    assert Books(home).open_orders("m1") == 1
    told(home, "approvals", "switch", "supply", "--off")
    told(home, "supply", "m1", 2, "close", "--no-wait")
    assert Books(home).open_orders("m1") == 2

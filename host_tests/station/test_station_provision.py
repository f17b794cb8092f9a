"""`umeter-station meters`: a new meter's secrets go to its files and to the books, and to nobody's
eyes; a refusal is one sentence, and leaves nothing behind.
"""

import dataclasses
import json

import pytest

from cli_kit import run
from station_kit import NOW_S, FixedClock, reading, sell, store, uplink
from tls_kit import Authority
from umeter_deploy import files
from umeter_station import cli_meters, meters, provision
from umeter_station.errors import StationError
from umeter_station.station import Books

TEMPLATE = {
    "wifi": [{"ssid": "home", "password": "wifi"}],
    "brokers": [{"host": "a.lan"}, {"host": "b.lan", "port": 8884}],
    "ca": "ca.crt",
}


@pytest.fixture
def home(tmp_path):
    run(tmp_path / "home", "init", "--broker", "mqtt://127.0.0.1:1")
    Authority("test CA").write(tmp_path, "ca")
    put_template(tmp_path, TEMPLATE)
    return tmp_path / "home"


def put_template(tmp_path, document):
    text = document if isinstance(document, str) else json.dumps(document)
    (tmp_path / "template.json").write_text(text)


def add_new(home, name="m1", to="m1"):
    folder = home.parent
    template = ("--template", folder / "template.json")
    return run(home, "meters", "add", name, "--new", *template, "--to", folder / to)


def key_in_books(home, name):
    books = Books(home)
    with books.db.read() as conn:
        return meters.key_of(conn, name)


def test_a_new_meter(home, tmp_path):
    done = add_new(home)
    assert done.exit_code == 0 and "what its board takes is in" in done.stdout
    site = files.read(tmp_path / "m1" / "site.json")
    assert files.site_text(site, site["made_t"]) == (tmp_path / "m1" / "site.json").read_text()
    assert site["meter"] == "m1" and key_in_books(home, "m1") == bytes.fromhex(site["key"])
    a, b = site["brokers"]
    assert a["user"] == b["user"] == "m1" and a["password"] == b["password"]
    assert (a["tls"], a["port"], b["port"]) == (1, 8883, 8884)
    assert {path.name for path in (tmp_path / "m1").iterdir()} == {"site.json", "ca0.der"}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "m1").iterdir()} == {0o600}
    content = b"".join(path.read_bytes() for path in home.iterdir())
    for secret in site["key"], a["password"]:
        assert secret not in done.output and secret.encode() not in content
    assert bytes.fromhex(site["key"]) not in content
    add_new(home, "m2", "m2")
    other = files.read(tmp_path / "m2" / "site.json")
    assert other["key"] != site["key"]
    assert other["brokers"][0]["password"] != a["password"]


def test_one_broker_without_tls(home, tmp_path):
    site = {"wifi": TEMPLATE["wifi"], "broker": {"host": "a"}, "plain_tcp": True}
    put_template(tmp_path, site)
    assert add_new(home).exit_code == 0
    (broker,) = files.read(tmp_path / "m1" / "site.json")["brokers"]
    assert (broker["user"], broker["tls"]) == ("m1", 0)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (TEMPLATE | {"key": "ab" * 32}, "has a key; leave it out"),
        (TEMPLATE | {"meter": "m1"}, "has a meter; leave it out"),
        (TEMPLATE | {"wifi": []}, "template.json: site.json: wifi must be a list"),
        (TEMPLATE | {"ca": "absent"}, "absent cannot be read"),
        (TEMPLATE | {"brokers": 5}, "brokers must be a list"),
        (TEMPLATE | {"brokers": ["a"]}, "brokers[0] must be an object"),
        ([], "must be an object, a site.json without"),
        ("{", "is not JSON"),
    ],
)
def test_a_template_that_will_not_do(home, tmp_path, template, words):
    put_template(tmp_path, template)
    done = add_new(home)
    assert done.exit_code == 1 and words in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "m1").exists() and key_in_books(home, "m1") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--new", "name a --template and a folder --to"),
        ("--new --to x", "name a --template and a folder --to"),
        ("--key " + "ab" * 32 + " --to x", "name a --template and a folder --to"),
        ("--key " + "ab" * 32 + " --new", "--key-file or --key, or say --new"),
        ("--new --template absent --to x", "absent cannot be read"),
    ],
)
def test_options_that_do_not_fit(home, arguments, words):
    done = run(home, "meters", "add", "m1", *arguments.split())
    assert done.exit_code == 1 and words in done.stderr and done.stderr.count("\n") == 1
    assert key_in_books(home, "m1") is None


def test_a_site_file_is_never_overwritten_nor_a_meter_replaced(home, tmp_path):
    add_new(home)
    before = (tmp_path / "m1" / "site.json").read_text()
    key = key_in_books(home, "m1")
    done = add_new(home, "m2")
    assert done.exit_code == 1 and "is there already, and its key may be in use" in done.stderr
    assert (tmp_path / "m1" / "site.json").read_text() == before
    assert key_in_books(home, "m2") is None
    done = add_new(home, "m1", "again")
    assert done.exit_code == 1 and "Meter m1 is known already" in done.stderr
    assert not (tmp_path / "again").exists() and key_in_books(home, "m1") == key


def test_a_folder_that_cannot_be_written_registers_nothing(home, tmp_path):
    (tmp_path / "file").touch()
    done = add_new(home, to="file/below")
    assert done.exit_code == 1 and "cannot be written" in done.stderr
    assert key_in_books(home, "m1") is None


def test_an_expired_authority_is_a_warning(home, tmp_path):
    books = Books(home, FixedClock(NOW_S * 2))
    told = provision.new_meter(books, "m1", tmp_path / "template.json", tmp_path / "m1")
    assert len(told) == 1 and "has expired on 2046-01-01" in told[0]
    with pytest.raises(StationError):
        provision.new_meter(books, "m1", tmp_path / "template.json", tmp_path / "m1")


def test_the_list_tells_of_links_and_keys(home):
    for name in "m1", "m2", "m3":
        add_new(home, name, name)
    books = Books(home)
    status = {"state": "online", "boot": 1, "channels": 2, "tls": 1}
    store(books.db, uplink("status", status), uplink("status", status | {"tls": 0}, "m2"))
    run(home, "meters", "rotate", "m2", "--no-wait")
    run(home, "meters", "retire", "m3", "--yes")
    lines = run(home, "meters", "list").stdout.splitlines()
    row = {line.split()[1]: line for line in lines if line.startswith("│")}
    assert "online" in row["m1"] and " TLS " in row["m1"] and " 0 d " in row["m1"]
    assert " plain " in row["m2"] and "0 d, a new one is on its way" in row["m2"]
    assert "retired" in row["m3"]


def test_the_age_of_a_key():
    known = meters.Meter("m1", "online", 1, 1, 2, "{}", "{}", key_at=NOW_S)
    assert cli_meters._key(known, NOW_S + 3 * 86_400 + 5) == "3 d"
    assert cli_meters._key(known, NOW_S - 9) == "0 d"
    assert cli_meters._link(known) == "-"
    for odd in "[]", "2", "1.0", '"TLS"', "null":
        told = dataclasses.replace(known, status='{"tls": %s}' % odd)
        assert cli_meters._link(told) == "-"


def test_retiring_is_asked_for(home):
    add_new(home)
    done = run(home, "meters", "retire", "m1")
    assert done.exit_code == 1 and "add --yes" in done.stderr
    for answer, code in ("n\n", 1), ("y\n", 0), ("y\n", 0):
        done = run(home, "meters", "retire", "m1", input=answer)
        assert done.exit_code == code
    assert "was retired already" in done.stdout
    done = run(home, "meters", "rotate", "m1", "--no-wait")
    assert done.exit_code == 1 and "is retired" in done.stderr
    assert run(home, "meters", "retire", "m9", "--yes").exit_code == 1


def test_not_while_money_is_open(home):
    add_new(home)
    books = Books(home)
    store(books.db, uplink("reading", reading()))
    sell(books.db, ch=1)
    done = run(home, "meters", "retire", "m1", "--yes")
    assert done.exit_code == 1 and "the money of order 1" in done.stderr

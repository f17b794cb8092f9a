"""The command line says one sentence, and its exit code means something."""

import json

import pytest
import sqlalchemy as sa

from cli_kit import run
from station_kit import (
    KEY,
    Killed,
    accounts_u,
    reading,
    really_migrate,
    result,
    sell,
    store,
    uplink,
)
from umeter_station import answers, config, live, models, orders, twin
from umeter_station import db as databases
from umeter_station.clock import FileClock
from umeter_station.errors import StationError
from umeter_station.station import Books


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def station(home):
    run(home, "init")
    run(home, "meters", "add", "m1", "--key", KEY.hex())
    return home


@pytest.fixture
def db(station):
    return Books(station).db


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("meters add m2 --key abc", "64 hexadecimal digits"),
        ("meters add m2", "--key-file or --key"),
        ("meters add m2 --key-file /nowhere", "/nowhere cannot be read"),
        ("meters add a/b --key " + KEY.hex(), "letters, digits"),
        ("meters add m1 --key " + "00" * 32, "another key"),
        ("read m2", "unknown; known are m1"),
        ("sell m1 3 1,5", "12.50"),
        ("sell m1 3 0", "cannot be sold"),
        ("sell m1 65 1", "channels are 1 to 64"),
        ("sell m2 3 1", "unknown; known are m1"),
        ("supply m1 3 shut", "open or close"),
        ("quarantine m1 3 keep", "accepted or refused"),
        ("quarantine m1 65 accept", "channels are 1 to 64"),
        ("set m1 report_s", "report_s=60"),
        ("set m1 report_s=", "must be 5..86400"),
        ("set m1 report_s=6.5", "must be 5..86400, not 6.5"),
        ("set m1 report_s=5 report_s=6", "once per key"),
        ("run --broker http://x", "mqtt://host:port"),
        ("run --broker mqtt://x:99999", "mqtt://host:port"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(station, arguments, words):
    answer = run(station, *arguments.split())
    assert answer.exit_code == 1
    *_, last = answer.stderr.strip().splitlines()
    assert words in last and last.endswith(".")
    assert "Traceback" not in answer.output


def test_without_a_home_the_way_to_one_is_named(home):
    answer = run(home, "watch")
    assert answer.exit_code == 1
    assert f"umeter-station --home {home} init" in answer.stderr


def test_the_home_is_private_and_kept(station):
    assert (station.stat().st_mode & 0o077) == 0
    assert ((station / "station.sqlite").stat().st_mode & 0o077) == 0
    before = (station / "config.toml").read_text()
    assert run(station, "init", "--broker", "mqtt://elsewhere").exit_code == 0
    assert (station / "config.toml").read_text() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("surprise = 1", "unknown key 'surprise'"),
        ("clock = ''\n#", "cannot be read"),
        ("]", "cannot be read"),
    ],
)
def test_a_wrong_config_is_named(station, line, words):
    path = station / "config.toml"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(StationError, match=words):
        config.load(station)


def test_the_same_sale_twice_is_said(station):
    assert run(station, *["sell", "m1", "3", "1.50", "--key", "a", "--no-wait"]).exit_code == 0
    again = run(station, *["sell", "m1", "3", "1.5", "--key", "a", "--no-wait"])
    assert "This is the sale of 1.50 made before with key a." in again.stdout
    other = run(station, *["sell", "m1", "3", "1.51", "--key", "a", "--no-wait"])
    assert other.exit_code == 1 and "use a new key" in other.stderr


def test_a_sale_without_a_key_is_given_one_before_it_is_made(station):
    answer = run(station, *["sell", "m1", "3", "1.50", "--no-wait"])
    key = answer.stderr.split()[-1]
    again = run(station, *f"sell m1 3 1.50 --no-wait --key {key}".split())
    assert "made before" in again.stdout


def test_settings_may_be_written_as_money(station, db):
    words = ["price_u_per_kwh=0.25", "report_s=30", "--yes", "--no-wait"]
    assert run(station, "set", "m1", *words).exit_code == 0
    with db.read() as conn:
        assert orders.find(conn, "m1", 1).args == {
            "version": 1,
            "set": {"price_u_per_kwh": 250_000, "report_s": 30},
        }


def test_a_reading_is_shown_with_its_units(station, db):
    store(db, uplink("reading", reading(power_dw=[12345, None], energy_wh=[1_234_567, 0],
          claims=[0, 6], contact=[1, 0], credited_total_u=[2_500_000, 0],
          balance_u=[2_500_000, 0])))  # fmt: skip
    store(db, uplink("event", {"n": 4, "code": "contact.open", "ch": 2, "a": 6}))
    shown = run(station, "watch").stdout
    for words in ("1234.5", "1234.567", "2.50", "credit, operator", "contact.open"):
        assert words in shown


def _sentence(db, n=1):
    with db.read() as conn:
        return answers.sentence(orders.find(conn, "m1", n))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "has not answered yet"),
        (result(1, balance_u=-2_500_000), "credited to m1 channel 3, whose balance is now -2.50."),
        (result(1, "range", reason="too much"), "refused (range: too much); 5.00 is due back"),
        (result(1, "expired"), "refused (expired); 5.00 is due back"),
        (result(1, "old"), "compare its totals"),
        (result(1, "replayed", first="applied"), "5.00 credited to m1 channel 3."),
    ],
)
def test_what_became_of_a_sale(db, answer, words):
    sell(db)
    if answer is not None:
        store(db, answer)
    assert words in _sentence(db)


def test_what_became_of_other_orders(db):
    with db.write() as conn:
        orders.order_supply(conn, "m1", 2, "close", 1)
        orders.order_supply(conn, "m1", 2, "open", 1)
        twin.order_set(conn, "m1", {"report_s": 1, "fault_s": 60}, 1)
        orders.order_read(conn, "m1", 1)
        orders.order_quarantine(conn, "m1", 2, "accept", 1)
        orders.order_quarantine(conn, "m1", 2, "refuse", 1)
    store(
        db,
        result(1, claims=2),
        result(2, claims=4),
        result(3, "partly", keys={"report_s": "5 to 86400", "fault_s": "applied"}),
        result(4, "replayed", first="applied"),
        result(5, wh=70),
        result(6, "not_now", reason="nothing is quarantined"),
    )
    assert _sentence(db, 1).endswith("released by the operator, but held open by credit.")
    assert _sentence(db, 2).endswith("held open by the operator.")
    assert _sentence(db, 3) == "m1 has set fault_s and refused report_s (5 to 86400)."
    assert "its answer was lost" in _sentence(db, 4)
    assert _sentence(db, 5) == "The 70 Wh that m1 held back of channel 2: booked."
    assert "refused (not_now: nothing is quarantined); nothing was changed" in _sentence(db, 6)


def test_the_clock_file_is_the_simulators(tmp_path):
    clock = FileClock(tmp_path / "clock")
    with pytest.raises(StationError, match="cannot be read"):
        clock.now_s()
    (tmp_path / "clock").write_bytes((1_800_000_000_999).to_bytes(8, "little"))
    assert clock.now_s() == 1_800_000_000
    (tmp_path / "clock").write_bytes(b"")
    assert clock.now_s() == 1_800_000_000  # Caught while it is being written.


def test_a_database_of_a_newer_station_is_left_alone(db):
    with db.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StationError, match="newer station"):
        databases.open_database(db.path)


# Of channel 3 of m1, as the first station's schema has it.
OLD_SALE = (
    "INSERT INTO meters (meter, key, added_at, next_n) VALUES ('m1', :key, 1, 2)",
    "INSERT INTO commands (id, meter, n, op, args, created_at, exp, state) VALUES"
    " (1, 'm1', 1, 'credit', :args, 1, 9, 'created')",
    "INSERT INTO purchases (key, meter, ch, amount_u, created_at, command_id)"
    " VALUES ('k1', 'm1', 3, 5000000, 1, 1)",
    "INSERT INTO transfers (key, debit, credit, amount_u, created_at, command_id)"
    " VALUES ('k1', 'cash:desk', 'transit:m1/3', 5000000, 1, 1)",
)


def test_the_books_of_an_older_station_are_kept(tmp_path):
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "umeter_station:migrations")
    path = tmp_path / "station.sqlite"
    old = databases.Database(path)
    with old.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
    with old.write() as conn:
        assert not sa.inspect(conn).has_table("audit_records")
        for statement in OLD_SALE:
            conn.execute(
                sa.text(statement), {"key": KEY, "args": '{"ch": 3, "amount_u": 5000000}'}
            )
    old.close()
    db = databases.open_database(path)
    assert accounts_u(db) == (-5_000_000, 5_000_000, 0, 0)
    with db.read() as conn:
        assert set(models.metadata.tables) <= set(sa.inspect(conn).get_table_names())


def test_what_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "station.sqlite"
    path.write_bytes(b"not a database " * 500)
    with pytest.raises(StationError, match="cannot be used as database"):
        databases.open_database(path)


def test_a_migration_that_dies_half_way_did_not_happen(tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "_migrate", really_migrate)
    path = tmp_path / "station.sqlite"

    def die(_conn, _cursor, statement, *_):
        if "CREATE TABLE transfers" in statement:
            raise Killed

    sa.event.listen(sa.Engine, "before_cursor_execute", die)
    try:
        with pytest.raises(Killed):
            databases.open_database(path)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", die)
    raw = databases.Database(path)
    with raw.read() as conn:
        assert sa.inspect(conn).get_table_names() == []
    raw.close()
    with databases.open_database(path).read() as conn:
        assert set(models.metadata.tables) <= set(sa.inspect(conn).get_table_names())


def test_json_of_an_order_has_no_spaces(db):
    sell(db)
    with db.read() as conn:
        payload = orders.payload(orders.find(conn, "m1", 1), 1)
    assert payload == json.dumps(json.loads(payload), separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("code", "a", "b", "words"),
    [
        ("command", 7, 1, "order 7 applied"),
        ("set.price_u_per_kwh", 200_000, 250_000, "200000 before, now 250000"),
        ("quarantine.refused", 70, 0, "70 Wh"),
        ("power.cut", 600, 0, "600 s without power"),
        ("clock.set", 0, 222_163_200, "from not set to 2027-01-15 08:00:00"),
        ("clock.set", 0, 0, ""),
        ("link.forged", 12, 0, "12 orders not from this station"),
        ("command", 7, 11, "order 7 refused, older than the settings"),
        ("maintenance", 30, 0, "for 30 min"),
        ("update.begun", 3, 2, "release 3 in place of 2"),
        ("update.back", 2, 3, "release 2 again, 3 has failed"),
        ("update.kept", 3, 0, "release 3"),
        ("code.99", 3, -4, "3 -4"),
    ],
)
def test_an_events_numbers_are_put_in_words(code, a, b, words):
    assert live.event_detail(code, a, b) == words

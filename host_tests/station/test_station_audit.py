"""The audit log and the load profile as people see them: the chain, the tables, the records."""

import pytest
import sqlalchemy as sa

from cli_kit import run
from fakes_core import Flash
from log_kit import NOW_S, audit_raw, chain, interval_raw
from station_kit import KEY, FixedClock, reading, store, uplink
from umeter.core import codes, ring_read, settings_table
from umeter.core.audit import Audit
from umeter_sim.log_records import sealed
from umeter_station import audit, records
from umeter_station.cli_logs import parse_since
from umeter_station.errors import StationError
from umeter_station.log_tables import verdict_sentence
from umeter_station.logs import LOGS
from umeter_station.station import Books

_WHEN = NOW_S - records.EPOCH_OFFSET_S


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    run(home, "init")
    run(home, "meters", "add", "m1", "--key", KEY.hex())
    return home


@pytest.fixture
def books(home):
    books = Books(home, FixedClock())
    yield books
    books.close()


def keep(books, raws, kind="events"):
    with books.db.write() as conn:
        for raw in raws:
            LOGS[kind].store(conn, "m1", raw, NOW_S)


def tamper(books, *statements):
    """What somebody with the file in hand can do, triggers or not."""
    with books.db.write() as conn:
        for table in ("audit_records", "intervals"):
            for what in ("update", "delete", "replace"):
                conn.exec_driver_sql(f"DROP TRIGGER {table}_no_{what}")
        for statement, values in statements:
            conn.execute(sa.text(statement), values)


def firmware_log(events, boot=7):
    """Events through the firmware's packer and ring: the raw records as a meter gives them."""
    log = Audit(Flash(sectors=4), 0, 4)
    log.boot = boot
    for n, (when, code, ch, a, b) in enumerate(events, start=1):
        log.append(n, when, code, ch, a, b)
    raw, _ = ring_read.copy(log.ring, 1, len(events))
    return [bytes(raw[at : at + 64]) for at in range(0, len(raw), 64)]


def test_records_are_read_as_the_firmware_packs_them(books):
    most = 2**63 - 1
    events = [
        (_WHEN, "boot", 0, 7, 1),
        (0, "contact.open", 3, 2, 0),
        (_WHEN + 9, "set.price_u_per_kwh", 0, 250_000, 99_999_999),
        (_WHEN + 10, "register.jump", 8, most, -most),
        (_WHEN + 11, "a word without a number", 0, -1, 0),
    ]
    raws = firmware_log(events)
    read = [records.audit_record(raw) for raw in raws]
    assert [(r.n, r.t, r.boot, r.ch, r.code, r.a, r.b) for r in read] == [
        (1, NOW_S, 7, 0, "boot", 7, 1),
        (2, 0, 7, 3, "contact.open", 2, 0),
        (3, NOW_S + 9, 7, 0, "set.price_u_per_kwh", 250_000, 99_999_999),
        (4, NOW_S + 10, 7, 8, "register.jump", most, -most),
        (5, NOW_S + 11, 7, 0, "other", -1, 0),
    ]
    keep(books, raws)
    verdict = books.verify_audit("m1")
    assert (verdict.count, verdict.broken_n) == (5, None)


def test_the_kit_of_these_tests_packs_as_the_firmware_does():
    events = [(_WHEN + n, "boot", 0, n, 0) for n in range(1, 9)]
    assert firmware_log(events, boot=1) == chain(8)


def test_every_word_of_the_firmware_is_known_by_its_number():
    def decoded(number):
        return records.audit_record(audit_raw(1, code=number)).code

    settings = settings_table.keys()
    words = (*codes.CODES, *(f"set.{key}" for key in settings))
    assert [decoded(codes.number(word)) for word in words] == list(words)
    assert [*records.EVENT_CODES, *records.SETTINGS] == [*codes.CODES, *settings]
    assert decoded(127) == "code.127" and decoded(255) == "code.255"


@pytest.mark.parametrize("raw", [b"", audit_raw(1)[:-1], audit_raw(1) + b"\0", b"\xff" * 64])
def test_what_is_no_record_is_refused(raw):
    with pytest.raises(ValueError):
        records.audit_record(raw)


@pytest.mark.parametrize("at", range(64))
def test_no_byte_of_a_record_can_change_unseen(at):
    raw = bytearray(chain(3)[2])
    raw[at] ^= 0x10
    with pytest.raises(ValueError):
        records.audit_record(bytes(raw))


def test_an_unbroken_chain_says_how_far_it_goes(home, books):
    keep(books, chain(40))
    store(books.db, uplink("reading", reading() | {"event": 43, "interval": 0}))
    result = run(home, "audit", "verify", "m1")
    assert result.exit_code == 0
    assert result.stdout == (
        "The audit log of m1 is unbroken: 40 records, 1 to 40,"
        " from 2027-01-15 08:00:01 to 2027-01-15 08:00:40."
        " 3 newer records still to come.\n"
    )


def test_a_chain_whose_beginning_the_meter_had_dropped_is_unbroken_from_there(books):
    keep(books, chain(5, 100, previous=b"\x01" * 32))
    verdict = books.verify_audit("m1")
    assert (verdict.first_n, verdict.last_n, verdict.broken_n) == (100, 104, None)
    assert "What was before record 100, the meter no longer held." in verdict_sentence(verdict)


def _forged(at):
    """The chain of 40 with record `at` rewritten, and its checksum made right again."""
    raws = chain(40)
    record = records.audit_record(raws[at - 1])
    raws[at - 1] = audit_raw(at, record.previous, record.t, a=666)
    return raws


@pytest.mark.parametrize("at", [1, 2, 20, 39])
def test_a_rewritten_record_breaks_the_next_link(home, books, at):
    keep(books, _forged(at))
    verdict = books.verify_audit("m1")
    assert (verdict.count, verdict.last_n, verdict.broken_n) == (at, at, at + 1)
    result = run(home, "audit", "verify", "m1")
    assert result.exit_code == 1
    assert f"broken at record {at + 1}: it does not carry the hash" in result.stderr
    assert run(home, "audit", "verify", "m1", "--from", str(at + 1)).exit_code == 0


def test_the_very_first_record_follows_nothing(books):
    keep(books, chain(3, previous=b"\x01" * 32))
    assert books.verify_audit("m1").broken_n == 1


def test_a_removed_record_is_missed(home, books):
    keep(books, chain(40))
    tamper(books, ("DELETE FROM audit_records WHERE n IN (7, 8)", {}))
    result = run(home, "audit", "verify", "m1")
    assert result.exit_code == 1
    assert "broken at record 7: records 7 to 8 are missing." in result.stderr
    assert "unbroken: 6 records, 1 to 6," in result.stderr


def test_a_gap_that_the_meter_could_not_fill_is_told_from_a_removal(books):
    keep(books, chain(6) + chain(3, 8))
    with books.db.write() as conn:
        conn.exec_driver_sql(
            "INSERT INTO history_findings VALUES ('m1', 'events', 'lost', 7, 7, 1)"
        )
    assert books.verify_audit("m1").reason == "record 7 is missing, the meter no longer held them"


@pytest.mark.parametrize("column", ["t", "boot", "ch", "a", "b"])
def test_a_column_that_was_changed_is_found(books, column):
    keep(books, chain(9))
    tamper(books, (f"UPDATE audit_records SET {column} = {column} + 1 WHERE n = 5", {}))
    verdict = books.verify_audit("m1")
    assert (verdict.broken_n, verdict.reason) == (5, "its columns are not what its raw bytes say")


def test_a_word_that_was_changed_is_found_but_one_learned_later_is_none(books):
    keep(books, chain(9))
    word = "UPDATE audit_records SET code = :word WHERE n = 5"
    tamper(books, (word, {"word": "code.1"}))
    assert books.verify_audit("m1").broken_n is None
    with books.db.write() as conn:
        conn.execute(sa.text(word), {"word": "code.2"})
    assert books.verify_audit("m1").broken_n == 5


def test_a_raw_record_that_was_changed_is_found(books):
    keep(books, chain(9))
    raw = sealed(chain(9)[4][:-5] + b"\0")
    tamper(books, ("UPDATE audit_records SET raw = :raw WHERE n = 5", {"raw": raw}))
    assert books.verify_audit("m1").broken_n == 5
    with books.db.write() as conn:
        conn.exec_driver_sql("UPDATE audit_records SET raw = zeroblob(64) WHERE n = 5")
    assert "checksum" in books.verify_audit("m1").reason


def test_what_the_meter_told_against_its_own_log_is_said(home, books):
    keep(books, chain(9))
    assert run(home, "audit", "verify", "m1").exit_code == 0
    finding = "INSERT INTO history_findings VALUES ('m1', 'events', :what, :n, :n, 1)"
    with books.db.write() as conn:
        conn.execute(sa.text(finding), {"what": "contradicts", "n": 3})
        conn.execute(sa.text(finding), {"what": "restarted", "n": 10})
    result = run(home, "audit", "verify", "m1")
    assert result.exit_code == 1
    assert "unbroken: 9 records" in result.stderr
    assert "has also sent another record 3. The meter has lost its log up" in result.stderr


def test_an_empty_log_has_nothing_to_verify(home):
    result = run(home, "audit", "verify", "m1")
    assert result.exit_code == 1
    assert result.stderr.startswith("There are no audit records of m1 here;")
    assert "unknown; known are m1" in run(home, "audit", "verify", "m2").stderr


def test_the_newest_records_are_listed(home, books):
    raws = chain(30)
    link = records.chain_hash(raws[-1])
    raws.append(audit_raw(31, link, t=0, ch=3, code=codes.number("contact.open"), a=2))
    keep(books, raws)
    result = run(home, "audit", "list", "m1", "--limit", "3")
    lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert [line[0] for line in lines[2:] if line[0].isdigit()] == ["29", "30", "31"]
    assert "clock not set" in result.stdout and "for credit" in result.stdout


def test_the_load_profile_is_listed(home, books):
    keep(
        books,
        [
            interval_raw(1, [10, 20, 0, 0, 0, 0, 0, 0], NOW_S),
            interval_raw(2, [11, 21, 0, 0, 0, 0, 0, 0], NOW_S + 900, flags=2, estimated=1),
            interval_raw(3, [12, 22, 0, 0, 0, 0, 0, 0], 0, 7, flags=5, quarantined=2),
        ],
        "profile",
    )
    store(books.db, uplink("reading", reading(channels=2)))
    result = run(home, "intervals", "m1")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines() if line[:3].strip().isdigit()]
    assert rows == [
        ["1", "2027-01-15", "08:00:00", "15", "10", "20"],
        ["2", "2027-01-15", "08:15:00", "15", "(e)11", "21", "power", "cut"],
        ["3", "not", "known", "7", "12", "(q)22", "clock", "not", "trusted,", "flags", "0x4"],
    ]
    since = run(home, "intervals", "m1", "--since", "2027-01-15T08:00").stdout
    assert "(e)11" in since and "08:00:00" not in since and "not known" not in since
    assert run(home, "intervals", "m1", "--limit", "1").stdout.count("2027") == 0
    finding = "INSERT INTO history_findings VALUES ('m1', 'profile', :what, :n, :n + 1, 1)"
    with books.db.write() as conn:
        for n, what in ((4, "lost"), (6, "restarted"), (8, "contradicts")):
            conn.execute(sa.text(finding), {"what": what, "n": n})
    gaps = run(home, "intervals", "m1", "--limit", "1").stdout
    assert "Intervals 4 to 5 cannot be had any more.\n" in gaps
    assert "load profile up to interval 5.\n" in gaps
    assert "another interval 8.\n" in gaps
    assert "is not a time" in run(home, "intervals", "m1", "--since", "now").stderr


@pytest.mark.parametrize(
    ("text", "unix_s"),
    [
        ("2027-01-15", NOW_S - 8 * 3600),
        ("2027-01-15T08:00", NOW_S),
        ("2027-01-15 09:00:00+01:00", NOW_S),
        ("24h", NOW_S - 86_400),
        ("7d", NOW_S - 7 * 86_400),
    ],
)
def test_a_moment_is_utc_or_back_from_now(text, unix_s):
    assert parse_since(text, NOW_S) == unix_s


@pytest.mark.parametrize("text", ["", "7", "-7d", "d", "7 d", "yesterday", "2027-13-01", "٣d"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(StationError, match="is not a time"):
        parse_since(text, NOW_S)


def test_all_that_a_meter_holds_is_verified(books):
    keep(books, chain(1200))
    with books.db.read() as conn:
        assert audit.verify(conn, "m1").count == 1200

"""`umeter-station set`: what it shows, what it warns of, what it sends and what it does not."""

import json

import pytest

from cli_kit import run
from station_kit import NOW_S, new_database, reading, result, store, uplink
from umeter_station import change, config, orders
from umeter_station.errors import StationError
from umeter_station.firmware_check import Document
from umeter_station.station import Books
from vectors.refused_settings import REFUSED

REPORTED = Document({}, 2)._settings.to_dict()


@pytest.fixture
def home(tmp_path):
    (tmp_path / "clock").write_bytes((NOW_S * 1000).to_bytes(8, "little"))
    return config.create_home(tmp_path, "mqtt://127.0.0.1", str(tmp_path / "clock")).home


@pytest.fixture
def db(home):
    return new_database(home)


def set_(home, *arguments, **more):
    return run(home, "set", "m1", *arguments, "--no-wait", **more)


def report(db, *, columns=None, **settings):
    store(db, uplink("settings", {**REPORTED, "version": 3, **settings}))
    store(db, uplink("reading", reading(**(columns or {}))))


def sent(db):
    with db.read() as conn:
        found = []
        while (command := orders.find(conn, "m1", len(found) + 1)) is not None:
            found.append(command)
        return [command.args["set"] for command in found if command.op == "set"]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["report_s=60"], {"report_s": 60}),
        (["low_credit_u=-0.5"], {"low_credit_u": -500_000}),
        (["price_u_per_kwh=0.25"], {"price_u_per_kwh": 250_000}),
        (["unit=kwh", 'reclose="armed"'], {"unit": "kwh", "reclose": "armed"}),
        (["tz=GMT0BST,M3.5.0/1,M10.5.0/2"], {"tz": "GMT0BST,M3.5.0/1,M10.5.0/2"}),
        (["ch.2.slots=[]", "tariff=null"], {"ch.2.slots": [], "tariff": None}),
    ],
)
def test_values_are_json_money_or_plain_words(words, changes):
    assert change.parse(words, None) == changes


@pytest.mark.parametrize("text", ["50", "-1", "9999"])
def test_an_amount_that_is_next_to_nothing_is_asked_for_again(text):
    with pytest.raises(StationError, match=f"write {text}.00 for whole units"):
        change.parse([f"max_topup_u={text}"], None)
    assert change.parse(["max_topup_u=0", "limit_w=50"], None) == {"max_topup_u": 0, "limit_w": 50}


def test_a_file_and_words_are_one_change(home, db, tmp_path):
    report(db)
    file = tmp_path / "tariff.json"
    file.write_text('{"tariff": {"prices": [[100000, 250000]]}, "weekend": [7]}')
    assert set_(home, "--file", str(file), "report_s=9", "--yes").exit_code == 0
    assert sent(db) == [{"tariff": {"prices": [[100000, 250000]]}, "weekend": [7], "report_s": 9}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "must hold an object"),
        ("{", "is not JSON"),
        ("[" * 20_000, "is not JSON"),
        ('{"report_s": 1, "report_s": 2}', "report_s is given twice"),
        ('{"tariff": {"prices": [], "prices": [[1]]}}', "given twice in one object"),
        ("{}", "Name at least one setting"),
    ],
)
def test_a_wrong_file_is_named(home, db, tmp_path, text, words):
    file = tmp_path / "x.json"
    file.write_text(text)
    answer = set_(home, "--file", str(file), "--yes")
    assert answer.exit_code == 1 and words in answer.stderr
    assert "Traceback" not in answer.output


@pytest.mark.parametrize(("changes", "sentence"), REFUSED[::8])
def test_what_the_meter_would_refuse_is_not_sent(changes, sentence):
    meter = type("Known", (), {"settings": "{}", "channels": 8})
    with pytest.raises(StationError) as refused:
        change.plan(meter, changes)
    assert sentence in str(refused.value)


def test_the_nearest_setting_is_offered(home, db):
    report(db)
    answer = set_(home, "ch.2.limit=9", "--yes")
    assert answer.exit_code == 1 and sent(db) == []
    words = "must be a setting, of the site or of a channel 1..2; did you mean limit_w."
    assert words in answer.stderr


def test_a_change_is_judged_with_what_the_meter_reported(home, db):
    report(db, disable_at_u=5_000_000)
    answer = set_(home, "reclose_at_u=4.99", "--yes")
    assert answer.exit_code == 1 and sent(db) == []
    assert "reclose_at_u must be at least disable_at_u, 5000000, not 4990000." in answer.stderr


def test_the_difference_is_shown_and_asked_about(home, db):
    report(db, report_s=30, **{"ch.2.price_u_per_kwh": 250_000})
    words = ["report_s=30", "ch.2.price_u_per_kwh=null", "weekend=[5,6]"]
    answer = set_(home, *words, input="n\n")
    assert answer.exit_code == 1 and sent(db) == []
    rows = [" ".join(line.split()) for line in answer.stdout.splitlines()]
    assert "setting reported desired" in rows
    assert "report_s 30 30" in rows
    assert "ch.2.price_u_per_kwh 0.25 0.20" in rows
    assert "weekend [6,7] [5,6]" in rows
    assert set_(home, *words, input="y\n").exit_code == 0
    assert sent(db) == [{"report_s": 30, "ch.2.price_u_per_kwh": None, "weekend": [5, 6]}]


def test_with_nobody_to_ask_nothing_is_sent(home, db):
    report(db)
    answer = set_(home, "report_s=9", input="")
    assert answer.exit_code == 1 and sent(db) == []
    assert "add --yes." in answer.stderr


TARIFF = 'tariff={"prices":[[1]]}'
DRAWING = {"contact": [1, 1], "balance_u": [1_200_000, 9_000_000], "power_dw": [15_000, 0]}


@pytest.mark.parametrize(
    ("word", "columns", "sentence"),
    [
        ("price_u_per_kwh=0.3", {}, "The price changes, channels 1, 2; what was drawn before"),
        ("ch.2." + TARIFF, {}, "The price changes, channel 2; what was drawn before"),
        ("ch.1.unit=kwh", {}, "The unit of credit changes, channel 1; balances are not"),
        ("disable_at_u=1.2", DRAWING, "Channel 1 is cut unless these are friendly hours: its"
         " balance 1.20 is not above 1.20."),
        ("limit_w=1499", DRAWING, "Channel 1 draws 1500 W now, more than limit_w 1499."),
        ("budget_u=9.00", {"clock": 0}, "The clock of m1 is not set; once it is, this takes"),
        ('next_tariff={"prices":[[1]],"from":%d}' % NOW_S, {}, "next_tariff takes over at once"),
    ],
)  # fmt: skip
def test_what_a_change_does_to_people_is_said_before(home, db, word, columns, sentence):
    report(db, columns=columns)
    answer = set_(home, word, "--yes")
    assert sentence in answer.stderr and answer.exit_code == 0
    assert sent(db), "said, and sent all the same"


@pytest.mark.parametrize(
    ("word", "columns"),
    [
        ("price_u_per_kwh=0.2", {}),
        ("disable_at_u=1.19", DRAWING),
        ("disable_at_u=1.2", DRAWING | {"contact": [0, 1]}),
        ("report_s=9", DRAWING | {"balance_u": [0, 0], "clock": 0}),
        ("limit_w=1500", DRAWING),
        ("budget_u=9.00", {}),
    ],
)
def test_where_nothing_is_to_be_said_nothing_is(home, db, word, columns):
    report(db, columns=columns)
    assert set_(home, word, "--yes").stderr == ""


def test_before_the_meter_has_reported_that_is_said(home, db):
    answer = set_(home, "report_s=9", "--yes")
    assert "m1 has not reported its settings yet" in answer.stderr
    assert " ".join(answer.stdout.split("report_s")[1].split()[:2]) == "- 9"


def test_more_than_one_order_holds_is_sent_in_several(home, db):
    report(db)
    assert set_(home, *WORDS, "--yes").exit_code == 0
    batches = sent(db)
    assert [len(batch) for batch in batches] == [16, 2]
    assert list(batches[0]) + list(batches[1]) == KEYS


ORDINARY = (
    *("low_credit_u", "limit_w", "limit_tries", "banned_tries", "budget_u", "max_topup_u"),
    *("emergency_u", "emergency_at_u", "debt3_percent"),
)
KEYS = [f"ch.{ch}.{name}" for ch in (1, 2) for name in ORDINARY]
WORDS = [key + ("=9.00" if key.endswith("_u") else "=9") for key in KEYS]


def test_what_no_order_can_hold_is_refused(home, db):
    report(db)
    day = [[0, 1]] + [[100 * hour, 1] for hour in range(1, 14)]
    tariff = {"prices": [[1]], "seasons": [101, 401, 701, 1001], "tables": [[day] * 3] * 4}
    answer = set_(home, "tariff=" + json.dumps(tariff), "--yes")
    assert answer.exit_code == 1 and sent(db) == []
    assert "bytes; a meter takes" in answer.stderr


def answered(monkeypatch, db, *answers):
    """Each order is answered at once, by the next of these."""
    waiting = iter(enumerate(answers, start=1))

    def wait_result(books, command_id, _):
        n, answer = next(waiting)
        store(db, result(n, **answer))
        return books.command(command_id)

    monkeypatch.setattr(Books, "wait_result", wait_result)


def test_each_keys_fate_is_told(home, db, monkeypatch):
    report(db)
    sentence = "weekend[0] must be [an older rule], not 5"
    keys = {"report_s": "applied", "weekend": sentence}
    answered(monkeypatch, db, {"code": "partly", "keys": keys})
    answer = run(home, "set", "m1", "report_s=9", "weekend=[5]", "--yes")
    assert answer.exit_code == 1
    told = [" ".join(line.split()) for line in answer.stdout.splitlines()]
    assert told[-3:-1] == ["report_s applied", f"weekend {sentence}"]


def test_who_was_overtaken_while_he_was_asked_sends_nothing(home, db, monkeypatch):
    report(db)

    def confirm(*_, **__):
        Books(home).order_set("m1", {"report_s": 40}, by="anna")
        return True

    monkeypatch.setattr("typer.confirm", confirm)
    answer = set_(home, "report_s=9")
    assert answer.exit_code == 1 and sent(db) == [{"report_s": 40}]
    assert answer.stderr.endswith(
        "The settings of m1 were changed meanwhile by anna at 2027-01-15 08:00:00 (version 4);"
        " look at them again.\n"
    )


def test_a_long_change_is_no_conflict_with_itself(home, db):
    report(db)
    assert set_(home, *WORDS, "--yes").exit_code == 0
    assert set_(home, "report_s=9", "--yes").exit_code == 0
    assert len(sent(db)) == 3


def test_what_is_on_its_way_is_told_and_counted_as_set(home, db):
    report(db, disable_at_u=0)
    Books(home).order_set("m1", {"disable_at_u": 5_000_000}, by="anna")
    answer = set_(home, "reclose_at_u=4.99", "--yes")
    assert answer.exit_code == 1 and len(sent(db)) == 1
    assert "reclose_at_u must be at least disable_at_u, 5000000" in answer.stderr
    answer = set_(home, "reclose_at_u=5.01", "--yes")
    assert answer.exit_code == 0 and "disable_at_u=5.00 (version 4, by anna)" in answer.stderr


def test_what_follows_a_refusal_is_not_sent(home, db, monkeypatch):
    report(db)
    answered(monkeypatch, db, {"code": "range", "reason": "version must be 4..9"})
    answer = run(home, "set", "m1", *WORDS, "--yes")
    assert answer.exit_code == 1 and len(sent(db)) == 1
    assert answer.stderr == "m1 refused (range: version must be 4..9); nothing was changed.\n"


def test_all_applied_is_a_good_end(home, db, monkeypatch):
    report(db)
    answered(monkeypatch, db, {"keys": {KEYS[0]: "applied"}}, {})
    answer = run(home, "set", "m1", *WORDS, "--yes")
    assert answer.exit_code == 0 and len(sent(db)) == 2
    assert f"m1 has set {KEYS[16]}, {KEYS[17]}." in answer.stdout

"""What meters report is checked, stored once, and never trusted further than it goes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station_kit import NOW_S, counted, new_database, reading, store, uplink
from umeter_station import messages, meters, orders, queries, twin
from umeter_station.inbox import Message


@pytest.fixture
def db(tmp_path):
    return new_database(tmp_path)


def _meter(db):
    with db.read() as conn:
        return meters.get(conn, "m1")


def _latest(db):
    with db.read() as conn:
        return queries.latest_reading(conn, "m1")


def _time_orders(db):
    with db.read() as conn:
        found = orders.latest(conn, "m1", "time")
        return 0 if found is None else found.n


def test_a_reading_is_stored_by_channel(db):
    store(db, uplink("reading", reading(energy_wh=[10, 20], voltage_dv=[2301, None], extra=1)))
    latest = _latest(db)
    assert [row["energy_wh"] for row in latest.channels] == [10, 20]
    assert [row["voltage_dv"] for row in latest.channels] == [2301, None]
    assert [row["ch"] for row in latest.channels] == [1, 2]
    assert latest.received_at == NOW_S
    assert _meter(db).channels == 2


def test_an_older_reading_that_comes_late_is_not_the_latest(db):
    for boot, seq in ((1, 9), (2, 1), (1, 10)):
        store(db, uplink("reading", reading(boot, seq)))
    assert (_latest(db).boot, _latest(db).seq) == (2, 1)
    assert _meter(db).boot == 2


def test_a_reading_that_does_not_add_up_is_counted(db):
    store(db, uplink("reading", reading(balance_u=[1, 0])))
    assert counted(db) == {"reading.unbalanced": 1}


def _without(key):
    document = reading()
    del document[key]
    return document


_MALFORMED = [
    *(_without(key) for key in ("boot", "seq", "t", "clock", "energy_wh", "claims")),
    reading(channels=0),
    reading(channels=65),
    reading(energy_wh=[1]),
    reading(energy_wh=[1, None]),
    reading(energy_wh=[1, "2"]),
    reading(energy_wh=[1, 2.0]),
    reading(energy_wh=[1, True]),
    reading(energy_wh=[1, 2**63]),
    reading(credited_total_u=[0, -1]),
    reading(boot="1"),
    reading(seq=-1),
    reading(t=1e9),
    b"",
    b"[]",
    b"{",
    b"\xff\xfe",
    b"[" * 10_000,
    b'{"boot":' + b"9" * 5000 + b"}",
    b" " * 20_000,
]


@pytest.mark.parametrize("document", _MALFORMED)
def test_a_malformed_reading_is_counted_and_stored_nowhere(db, document):
    good = uplink("reading", reading(seq=2))
    store(db, uplink("reading", document), good)
    assert counted(db) == {"message.malformed": 1}
    assert _latest(db).seq == 2  # Its neighbour in the batch is not hurt.


@given(st.binary(max_size=60) | st.recursive(st.none() | st.booleans() | st.integers()
       | st.floats() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)
       | st.dictionaries(st.sampled_from(["n", "t", "boot", "seq", "clock", "state", "code",
         "energy_wh", "claims"]), inner, max_size=9), max_leaves=12))  # fmt: skip
def test_nothing_but_value_error_comes_out_of_a_parser(document):
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    for parser in (messages.reading, messages.event, messages.status):
        try:
            parser(messages.parse_json(payload))
        except ValueError:
            pass


def test_strangers_are_counted_and_ignored(db):
    strange = [
        ("umeter/m9/up/reading", "message.unknown_meter"),
        ("umeter/m\u00e9/up/reading", "message.unknown_meter"),
        ("umeter//up/reading", "message.unknown_meter"),
        ("umeter/m1/up/else", "message.foreign"),
        ("umeter/m1/up", "message.foreign"),
        ("umeter/m1/up/reading/x", "message.foreign"),
    ]
    payload = json.dumps(reading()).encode()
    store(db, *(Message(topic, payload) for topic, _ in strange))
    assert _latest(db) is None
    assert counted(db) == {"message.unknown_meter": 3, "message.foreign": 3}


def test_a_meter_appears_once_and_goes_once(db):
    online = uplink("status", {"state": "online", "boot": 4, "channels": 8, "clock": 1})
    assert store(db, online) == {"m1"}
    assert store(db, uplink("event", {"n": 1, "code": "boot"})) == set()
    assert (_meter(db).presence, _meter(db).boot, _meter(db).channels) == ("online", 4, 8)
    store(db, uplink("status", {"state": "offline", "boot": 4}))
    assert _meter(db).presence == "offline"
    assert store(db, uplink("reading", reading(boot=4))) == {"m1"}
    assert _meter(db).presence == "online"


def test_the_will_of_an_earlier_boot_is_too_late(db):
    store(db, uplink("status", {"state": "online", "boot": 5}))
    store(db, uplink("status", {"state": "offline", "boot": 4}))
    assert _meter(db).presence == "online"
    assert counted(db) == {"status.late": 1}


def test_reported_settings_carry_the_version_on(db):
    store(db, uplink("settings", {"version": 7, "report_s": 60}))
    with db.write() as conn:
        order_id = twin.order_set(conn, "m1", {"report_s": 30}, NOW_S)
        assert orders.get(conn, order_id).args == {"version": 8, "set": {"report_s": 30}}
    assert json.loads(_meter(db).settings)["report_s"] == 60


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        (reading(clock=1, t=NOW_S), False),
        (reading(clock=1, t=NOW_S + 10), False),
        (reading(clock=1, t=NOW_S - 10), False),
        (reading(clock=1, t=NOW_S + 11), True),
        (reading(clock=1, t=NOW_S - 11), True),
        (reading(clock=0, t=0), True),
    ],
)
def test_a_wrong_clock_is_ordered_right(db, document, wanted):
    store(db, uplink("reading", document))
    assert bool(_time_orders(db)) is wanted


def test_a_clock_is_ordered_once_per_boot_and_minute(db):
    def hear(seq, boot=1, at=NOW_S):
        store(db, uplink("reading", reading(boot, seq, clock=0, t=0)), now_s=at)
        return _time_orders(db)

    assert hear(1) == hear(2) == 1
    assert hear(1, boot=2) == 2  # The order for the boot before is void.
    with db.write() as conn:
        conn.exec_driver_sql("UPDATE commands SET state = 'expired'")
    assert hear(2, boot=2, at=NOW_S + 59) == 2
    assert hear(3, boot=2, at=NOW_S + 60) == 3


def test_an_online_status_without_a_clock_is_enough(db):
    store(db, uplink("status", {"state": "online", "boot": 3, "clock": 0}))
    with db.read() as conn:
        assert orders.latest(conn, "m1", "time").args == {"boot": 3}

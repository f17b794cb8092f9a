"""Exports: every row once, numbers as numbers, and nothing that a spreadsheet would run."""

import csv
import io

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from api_kit import Api
from station_kit import NOW_S, reading, sell, store, uplink
from umeter_station.api import export_tables
from umeter_station.api.export_formats import to_csv, to_parquet
from umeter_station.api.export_tables import TABLES, Table
from umeter_station.models import intervals as intervals_table

READINGS, SALES = 7, 5


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def api(request, tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("exports"), engine=request.param)
    db = api.books.db
    for seq in range(1, READINGS + 1):
        told = reading(seq=seq, t=NOW_S + seq, energy_wh=[seq, -seq])
        store(db, uplink("reading", told), now_s=NOW_S + seq // 2)
    store(db, uplink("reading", reading(), meter="m2"), now_s=NOW_S)
    for number in range(SALES):
        sell(db, 1_000_000 + number, f"=k{number}", "m1", 1)
    with db.write() as conn:
        for n in range(1, 6):
            row = {"n": n, "t_end": NOW_S - n, "minutes": 15, "flags": 0, "quarantined": 0}
            zeros = {f"wh_{ch}": 2**40 for ch in range(1, 9)}
            conn.execute(
                intervals_table.insert().values(
                    meter="m1", raw=bytes(32), estimated=0, received_at=NOW_S, **row, **zeros
                )
            )
    api.clock.unix_s = NOW_S + 60
    yield api
    api.close()


def _csv(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(io.StringIO(answer.text)))


def _parquet(answer):
    return parquet.read_table(io.BytesIO(answer.content))


@pytest.mark.parametrize("name", TABLES)
def test_both_formats_tell_the_same_whatever_the_batches(api, name, monkeypatch):
    client = api.as_("ada")
    told = []
    for batch in (2_000, 2):
        monkeypatch.setattr(export_tables, "BATCH", batch)
        told.append(_csv(client.get(f"/v1/exports/{name}")))
        table = _parquet(client.get(f"/v1/exports/{name}?format=parquet"))
        told.append(table.to_pylist())
    assert told[0] == told[2] and told[1] == told[3]
    assert len(told[0]) >= 5
    for text, row in zip(told[0], told[1], strict=True):
        for column, value in row.items():
            shown = "" if value is None else str(value)
            assert text[column] in (shown, f"'{shown}")
    for field, (column, is_number) in zip(table.schema, TABLES[name].columns, strict=True):
        assert (field.name, str(field.type)) == (column, "int64" if is_number else "string")


def test_readings_have_a_row_per_channel_in_their_order(api):
    rows = _csv(api.as_("ada").get("/v1/exports/readings?meter=m1"))
    told = [(int(row["seq"]), int(row["ch"]), int(row["energy_wh"])) for row in rows]
    assert told == [
        (seq, ch, seq if ch == 1 else -seq) for seq in range(1, READINGS + 1) for ch in (1, 2)
    ]


def test_one_meter_and_a_time(api):
    client = api.as_("ada")
    for name in ("readings", "ledger", "purchases"):
        assert len(_csv(client.get(f"/v1/exports/{name}?meter=m2"))) == (name == "readings") * 2
    assert len(_csv(client.get("/v1/exports/ledger?meter=m1"))) == SALES
    since, until = NOW_S - 3, NOW_S - 1
    rows = _csv(client.get(f"/v1/exports/intervals?since_s={since}&until_s={until}"))
    assert [row["n"] for row in rows] == ["2", "3"]
    assert rows[0]["wh_8"] == str(2**40)


def test_exports_that_are_refused(api):
    client = api.as_("ada")
    for query, status in (
        ("since_s=0", 400),
        ("since_s=9&until_s=8", 400),
        ("meter=m9", 404),
        ("meter=%25", 422),
        ("format=xlsx", 422),
        (f"until_s={2**53}", 422),
    ):
        assert client.get(f"/v1/exports/ledger?{query}").status_code == status, query
    assert api.as_("carl").get("/v1/exports/ledger").status_code == 403


def test_a_key_that_looks_like_a_formula_is_a_text(api):
    rows = _csv(api.as_("ada").get("/v1/exports/purchases"))
    assert [row["key"] for row in rows] == [f"'=k{number}" for number in range(SALES)]
    table = _parquet(api.as_("ada").get("/v1/exports/purchases?format=parquet"))
    assert table.column("key").to_pylist()[0] == "=k0"


_TABLE = Table((("text", False), ("number", True)), lambda *_: iter(()))
_ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    ),
    max_size=8,
)


@given(st.lists(_ROWS, max_size=3))
def test_no_cell_of_a_csv_begins_a_formula_and_no_row_is_lost(batches):
    text = b"".join(to_csv(_TABLE, batches)).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    wanted = [row for batch in batches for row in batch]
    assert rows[0] == ["text", "number"] and len(rows) == len(wanted) + 1
    for (shown, number), (value, wanted_number) in zip(rows[1:], wanted, strict=True):
        assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert shown.removeprefix("'") == (value or "").removeprefix("'")
        assert number == ("" if wanted_number is None else str(wanted_number))


@given(st.lists(_ROWS, max_size=3))
def test_parquet_is_what_it_was_made_of(batches):
    content = b"".join(to_parquet(_TABLE, batches))
    found = parquet.read_table(io.BytesIO(content)).to_pylist()
    assert [(row["text"], row["number"]) for row in found] == [r for b in batches for r in b]


def test_an_export_is_noted(api):
    api.as_("ada").get("/v1/exports/ledger?meter=m1")
    with api.read() as conn:
        row = conn.execute(sa.text('SELECT "by", about, detail FROM acts ORDER BY n DESC')).first()
    assert (row[0], row[1]) == ("operator:ada", "table:ledger")
    assert '"meter":"m1"' in row[2]

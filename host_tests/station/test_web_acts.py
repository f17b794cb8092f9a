"""The pages of acts and exports: sought, verified, taken along as files."""

import csv
import io

import pytest
import sqlalchemy as sa

from api_kit import Api
from station_kit import NOW_S
from umeter_station.people import acts
from umeter_station.web.site import create_site
from web_kit import refused

ACTS, FILE = "/console/acts", "/console/exports/file"


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    with site.write() as conn:
        acts.note(conn, "operator:zoe", "supply.open", "m1/3", {"order_id": 7}, NOW_S - 90_000)
        acts.note(conn, "operator:zoe", "=cmd()", "meter:m2", {"note": "<b>"}, NOW_S)
    site.live_in()
    yield site
    site.close()


@pytest.fixture
def ada(site):
    return site.as_("ada")


def test_acts_are_sought_by_who_what_about_and_when(ada):
    page = ada.get(ACTS, params={"by": "operator:zoe"}).text
    assert page.count("operator:zoe</a>") == 2 and "tenant.add" not in page
    assert 'href="/console/meters/m1"' in page and "order_id: 7" in page and "<b>" not in page
    for wish in ({"act": "supply.open"}, {"about": "m1/3"}):
        assert "supply.open" in ada.get(ACTS, params=wish).text
    page = ada.get(ACTS, params={"by": "operator:zoe", "since": "2001-01-01"}).text
    assert page.count("operator:zoe</a>") == 2
    page = ada.get(ACTS, params={"by": "operator:zoe", "until": "2001-01-01"}).text
    assert "Nothing was done that is like that" in page
    refused(ada.get(ACTS, params={"since": "soon"}), 400, "is not a date")


def test_acts_go_on_page_after_page(site, ada):
    with site.write() as conn:
        for number in range(60):
            acts.note(conn, "job:many", "nothing", f"x:{number}", {}, NOW_S)
    page = ada.get(ACTS, params={"by": "job:many"}).text
    older = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    page = ada.get(ACTS + older.replace("&amp;", "&")).text
    assert page.count("job:many</a>") == 10 and 'rel="next"' not in page


def test_acts_are_a_file_that_a_spreadsheet_may_open_and_that_is_an_act(site, ada):
    answer = ada.get(f"{ACTS}/acts.csv", params={"by": "operator:zoe"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["act"] for row in rows] == ["'=cmd()", "supply.open"]
    assert rows[1]["detail"] == '{"order_id": 7}' and rows[1]["at"] == str(NOW_S - 90_000)
    with site.read() as conn:
        newest = acts.newest(conn, 1)[0]
    assert (newest.act, newest.about, newest.by) == ("export", "table:acts", "operator:ada")
    answer = ada.get(f"{ACTS}/acts.csv", params={"since": "soon"})
    assert answer.status_code == 400 and "is not a date" in answer.text


def test_the_chain_is_told_whole_and_with_an_older_head(site, ada):
    with site.read() as conn:
        head = acts.verify(conn).head
    page = ada.get(f"{ACTS}/chain").text
    assert ">whole<" in page and head in page
    assert ">whole<" in ada.get(f"{ACTS}/chain", params={"head": head}).text
    page = ada.get(f"{ACTS}/chain", params={"head": "0" * 64}).text
    assert ">broken<" in page and "the act with the given hash is gone" in page
    assert ada.get(f"{ACTS}/chain", params={"head": "x"}).status_code == 400


def test_a_file_is_as_the_api_gives_it(site, ada):
    page = ada.get("/console/exports").text
    for name in ("readings", "intervals", "ledger", "purchases"):
        assert f'value="{name}"' in page
    for kind in ("csv", "parquet"):
        answer = ada.get(FILE, params={"table": "ledger", "format": kind})
        assert f'filename="ledger.{kind}"' in answer.headers["Content-Disposition"]
        same = ada.get("/v1/exports/ledger", params={"format": kind})
        assert len(answer.content) > 100 and answer.content == same.content


def test_what_cannot_be_exported_is_told_in_the_form(ada):
    wish = {"table": "ledger", "since": "2020-01-01", "until": "2026-01-01"}
    answer = ada.get(FILE, params=wish)
    refused(answer, 400, "at most 366 days")
    assert 'value="2020-01-01"' in answer.text
    refused(ada.get(FILE, params={"table": "ledger", "since": "soon"}), 400, "is not a date")
    refused(ada.get(FILE, params={"table": "ledger", "meter": "m9"}), 404, "m9")
    assert ada.get(FILE, params={"table": "people"}).status_code == 400


def test_a_broken_chain_is_told(site, ada):
    """Last: it breaks it."""
    with site.write() as conn:
        for (name,) in conn.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='acts'")
        ).all():
            conn.execute(sa.text(f"DROP TRIGGER {name}"))
        conn.execute(sa.text("UPDATE acts SET about = 'm2/9' WHERE n = 3"))
    page = ada.get(f"{ACTS}/chain").text
    assert ">broken<" in page and "Act 3 does not belong to it" in page

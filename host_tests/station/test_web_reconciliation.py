"""The pages of the reconciliation report, the bank's files and suspense."""

import re

import pytest
import sqlalchemy as sa

from api_kit import Api
from desk_kit import check, open_shift
from pay_kit import CSV
from station_kit import NOW_S, reading, store, uplink
from umeter_station import ledger, models_desk
from umeter_station.desk import reconcile, sales, shifts
from umeter_station.pay import suspense
from umeter_station.web.site import create_site
from web_kit import FROM_US, refused, send

PAGE = "/console/reconciliation"
LINES = b'd,a,t\n2026-01-05,"5,00",rent\n2026-01-06,"7,00",power\n2026-01-07,"-3,00",dispute\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = tmp_path_factory.mktemp("web-audit")
    (home / "banks").mkdir()
    (home / "banks" / "giro.toml").write_text(CSV)
    site = Api(home, make_app=create_site)
    yield site
    site.close()


@pytest.fixture
def olaf(site):
    return site.as_("olaf", follow_redirects=False)


def _upload(client, content=LINES, bank="giro"):
    files = {"file": ("lines.csv", content)}
    return client.post(f"{PAGE}/bank", data={"bank": bank}, files=files, headers=FROM_US)


def _open_items(site):
    with site.read() as conn:
        return {item.amount_u: item.id for item in suspense.page(conn, 50)}


def test_the_report_names_what_disagrees_with_its_finding(site, olaf):
    send(olaf, PAGE)
    with site.read() as conn:
        before = len(reconcile.page(conn, 1)[0].mismatches)
    shift = open_shift(site.books.db, "operator:carl")
    with site.write() as conn:
        shifts.close(conn, shift.id, 19_500_000, "operator:carl", NOW_S)
    assert send(olaf, PAGE).is_redirect
    page = olaf.get(PAGE).text
    assert "was closed with another sum than expected" in page and "-€0.50" in page
    assert re.search(r'href="/console/findings/\d+"', page)
    assert f'href="/console/shifts/{shift.id}"' in page
    with site.read() as conn:
        newest, older = reconcile.page(conn, 2)
    assert len(newest.mismatches) == before + 1
    earlier = olaf.get(f"{PAGE}?report={older.id}").text
    assert "another sum than expected" not in earlier.partition("Reports")[0]
    assert olaf.get(f"{PAGE}?report=99").status_code == 404


def test_a_meter_that_says_another_sum_is_named_with_both(site, olaf):
    told = {"credited_total_u": [9_000_000, 0], "charged_total_u": [0, 0]}
    store(site.books.db, uplink("reading", reading(**told), "m2"))
    assert send(olaf, PAGE).is_redirect
    page = olaf.get(PAGE).text
    assert "do not agree on what was credited" in page and "€9.00" in page
    assert 'href="/console/meters/m2"' in page


def test_a_report_that_was_changed_is_told(site, olaf):
    send(olaf, PAGE)
    with site.read() as conn:
        assert reconcile.verify(conn) is None
    table = models_desk.reconciliations
    first = sa.update(table).where(table.c.id == 1)
    with site.write() as conn:
        before = conn.execute(sa.select(table.c.report).where(table.c.id == 1)).scalar_one()
        conn.exec_driver_sql("DROP TRIGGER reconciliations_no_update")
        conn.execute(first.values(report=before + " "))
    assert "Report 1 is not what was stored" in olaf.get(PAGE).text
    with site.write() as conn:
        conn.execute(first.values(report=before))


def test_a_bank_file_is_booked_once_and_its_lines_find_their_owners(site, olaf):
    refused(_upload(olaf, b"\x00\x01"), 400, "")
    refused(_upload(olaf, bank="none"), 400, "has no profile")
    assert _upload(olaf, bank="../x").status_code == 400
    for _ in range(2):
        assert _upload(olaf).is_redirect
    page = olaf.get(f"{PAGE}/bank").text
    assert "2 without an owner" in page and page.count("lines.csv") == 1
    lost = {"key": "dispute", "direction": "out", "account": "clearing:sandbox", "why": "dispute"}
    with site.write() as conn:
        suspense.open_(conn, **lost, amount_u=3_000_000, now_s=NOW_S)
    items = _open_items(site)
    assert sorted(items) == [3_000_000, 5_000_000, 7_000_000]
    one, two, out = (f"{PAGE}/suspense/{items[u]}" for u in (5_000_000, 7_000_000, 3_000_000))
    refused(send(olaf, f"{one}/channel", place="m1/1"), 400, "by the tick")
    refused(send(olaf, f"{one}/channel", place="m1", sure="yes"), 400, "names no channel")
    refused(send(olaf, f"{one}/recover", place="m1/1", sure="yes"), 400, "")
    refused(send(olaf, f"{one}/burn", sure="yes"), 404, "cannot be done")
    refused(send(olaf, f"{two}/tenant", tenant="x", sure="yes"), 400, "by a number")
    refused(send(olaf, f"{two}/tenant", tenant="99", sure="yes"), 404, "no tenant 99")
    assert _open_items(site) == items
    for _ in range(2):
        assert send(olaf, f"{one}/channel", place="m1/1", sure="yes").is_redirect
        assert send(olaf, f"{two}/tenant", tenant="1", sure="yes").is_redirect
        assert send(olaf, f"{out}/write-off", note="gone", sure="yes").is_redirect
    refused(send(olaf, f"{one}/return", sure="yes"), 400, "already")
    assert _open_items(site) == {}
    with site.read() as conn:
        assert len(sales.of_channel(conn, "m1", 1, 10)) == 1
        assert ledger.balance_u(conn, ledger.SUSPENSE) == 0
    assert "settled" in olaf.get(one).text
    check(site.books.db)


def test_who_may_not_sees_and_does_nothing(site):
    carl, ada, tess = (site.as_(name) for name in ("carl", "ada", "tess"))
    assert carl.get(PAGE).status_code == 403 and send(carl, PAGE).status_code == 403
    assert carl.get(f"{PAGE}/bank").status_code == 200
    page = ada.get(PAGE)
    assert page.status_code == 200 and "Compare now" not in page.text
    assert send(ada, PAGE).status_code == 403 and _upload(ada).status_code == 403
    assert send(ada, f"{PAGE}/suspense/1/return", sure="yes").status_code == 403
    for path in ("", "/bank", "/suspense/1"):
        assert tess.get(PAGE + path).status_code == 403
    assert _upload(tess).status_code == 403
    olaf = site.as_("olaf")
    del olaf.headers["X-CSRF-Token"]
    assert send(olaf, PAGE).status_code == 403 and _upload(olaf).status_code == 403
    assert send(olaf, f"{PAGE}/suspense/1/return", sure="yes").status_code == 403

"""The pages of shifts and agents."""

import pytest

from api_kit import Api
from desk_kit import balance_u, check
from station_kit import NOW_S
from umeter_station import ledger
from umeter_station.desk import agents, sales, shifts
from umeter_station.people import accounts
from umeter_station.web.site import create_site
from web_kit import fields, refused, send

SHIFTS = "/console/shifts"
AGENTS = "/console/shifts/agents"


@pytest.fixture
def site(tmp_path):
    site = Api(tmp_path, make_app=create_site)
    with site.write() as conn:
        accounts.add(conn, "cora", "cashier", None, "system", NOW_S)
    yield site
    site.close()


@pytest.fixture
def carl(site):
    return site.as_("carl", follow_redirects=False)


def test_a_shift_from_opening_to_its_z_report(site, carl):
    refused(send(carl, SHIFTS, desk="front", float_="5,0,0"), 400, "is not an amount")
    refused(send(carl, SHIFTS, desk="a b", float_="5"), 400, "names no desk")
    path = send(carl, SHIFTS, desk="front", float_="50").headers["Location"].partition("?")[0]
    refused(send(carl, SHIFTS, desk="front", float_="50"), 409, "close it first")
    page = carl.get(path).text
    assert "€50.00" in page and "open" in page
    form = fields(page, f"{path}/cash") | {"way": "out", "amount": "20", "reason": "bank"}
    assert [send(carl, f"{path}/cash", form).status_code for _ in range(2)] == [303, 303]
    drawer = ledger.cash(int(path.rpartition("/")[2]))
    assert balance_u(site.books.db, drawer) == -30_000_000
    form = fields(carl.get(path).text, f"{path}/cash")
    over = {"way": "out", "amount": "31", "reason": "x"}
    refused(send(carl, f"{path}/cash", form, **over), 400, "no more can be taken")
    refused(send(carl, f"{path}/cash", form, amount="1", reason=""), 400, "Say why")
    with site.write() as conn:
        sales.sell_at_desk(conn, "m1", 1, 10_000_000, "k1", NOW_S, "operator:carl")
    assert carl.get(f"{path}/z").status_code == 400
    refused(send(carl, f"{path}/close", counted=""), 400, "is not an amount")
    # What should be there is not said before it is counted.
    assert "€40.00" not in carl.get(f"{path}/close").text
    asked = send(carl, f"{path}/close", counted="39.50")
    refused(asked, 409, "€0.50 less than there should be")
    assert carl.get(f"{path}/close").status_code == 200
    for _ in range(2):
        assert send(carl, f"{path}/close", counted="39.50", sure="yes").status_code == 303
    refused(send(carl, f"{path}/close", counted="40", sure="yes"), 409, "was closed with 39.50")
    page = carl.get(path).text
    assert "Z-report front-1" in page and "Short" in page and f"{path}/cash" not in page
    assert "€0.50 short" in carl.get(SHIFTS).text
    z = carl.get(f"{path}/z")
    assert "Z-report front-1" in z.text and "print.js" in z.text
    file = carl.get(f"{path}/z?form=escpos")
    assert 'filename="z-front-1.escpos"' in file.headers["Content-Disposition"]
    check(site.books.db)


def test_only_whose_shift_it_is_moves_its_cash_or_who_sees_to_all(site, carl):
    path = send(carl, SHIFTS, desk="side", float_="").headers["Location"].partition("?")[0]
    form = {"key": "another-1", "amount": "5", "reason": "x"}
    cora = site.as_("cora", follow_redirects=False)
    assert send(cora, f"{path}/cash", form).status_code == 403
    assert cora.get(f"{path}/close").status_code == 403
    assert send(cora, f"{path}/close", counted="0").status_code == 403
    assert f'action="{path}/cash"' not in cora.get(path).text
    assert send(site.as_("ada"), f"{path}/cash", form).status_code == 403
    olaf = site.as_("olaf", follow_redirects=False)
    assert send(olaf, f"{path}/cash", form).status_code == 303
    tess = site.as_("tess")
    for page in (SHIFTS, path, f"{path}/z", AGENTS):
        assert tess.get(page).status_code == 403, page
    assert send(tess, SHIFTS, desk="x").status_code == 403
    assert carl.get(f"{SHIFTS}/999").status_code == 404


def test_agents_have_a_ceiling_and_pay_in_once(site, carl):
    olaf = site.as_("olaf", follow_redirects=False)
    form = {"name": "kiosk", "ceiling": "100", "permille": "20", "active": "yes"}
    assert send(carl, AGENTS, form).status_code == 403
    refused(send(olaf, AGENTS, form, ceiling="x"), 400, "is not an amount")
    refused(send(olaf, AGENTS, form, name="a b"), 400, "names no agent")
    assert send(olaf, AGENTS, form, permille="1000").status_code == 400
    assert send(olaf, AGENTS, form).status_code == 303
    with site.write() as conn:
        args = {"meter": "m1", "ch": 1, "paid_u": 50_000_000, "key": "a1", "way": "agent"}
        sales.sell(conn, **args, paid_from="agent:kiosk", by="operator:olaf", now_s=NOW_S)
    page = carl.get(AGENTS).text
    assert "€49.00" in page and "€51.00" in page
    path = f"{AGENTS}/kiosk/payments"
    with site.write() as conn:
        if shifts.open_of(conn, "operator:carl") is None:
            shifts.open_(conn, "third", "operator:carl", 0, "operator:carl", NOW_S)
    key = fields(page, path)["key"]
    for _ in range(2):
        assert send(carl, path, key=key, amount="9").status_code == 303
    with site.read() as conn:
        assert agents.get(conn, "kiosk").owed_u == 40_000_000
    refused(send(carl, path, key="another-key", amount="41"), 400, "cannot pay in more")
    cora = site.as_("cora")
    refused(send(cora, path, key="one-more-key", amount="1"), 400, "no open shift")
    check(site.books.db)

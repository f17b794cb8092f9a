"""The cashier's day: a shift is opened, something is sold and printed, the shift is closed."""

import re

from playwright.sync_api import expect

from umeter_sim.demo_houses import CASHIER, CUT_METER
from umeter_station.desk import shifts

SOON_MS = 30_000
BY = f"operator:{CASHIER}"


def end_shift(scene):
    """The one that may be open from before."""
    now_s = scene.station.clock.now_s()
    with scene.station.db.write() as conn:
        there = shifts.open_of(conn, BY)
        if there is not None:
            shifts.close(conn, there.id, shifts.expected_u(conn, there.id), BY, now_s)


def test_a_cashier_sells_prints_and_closes_the_shift(scene, visit):
    end_shift(scene)
    carl = visit(CASHIER)
    page = carl.page
    printed = []
    page.context.on("page", lambda paper: printed.append(paper))
    carl.go("/console/shifts")
    page.get_by_label("Change in the drawer").fill("50")
    page.get_by_role("button", name="Open the shift").click()
    expect(page.get_by_text("€50.00").first).to_be_visible()
    carl.go("/console/desk")
    page.get_by_label("Who is it?").fill("Jonas")
    page.get_by_role("link", name=re.compile("Jonas Weber")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jonas Weber")
    page.get_by_role("textbox", name="Amount").fill("12.50")
    page.get_by_role("button", name="What does it buy?").click()
    page.get_by_label("Cash given").fill("20")
    expect(page.get_by_role("status").filter(has_text="7.50")).to_be_visible()
    page.get_by_role("button", name="Sell for €12.50").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sold for €12.50")
    expect(page.get_by_text("Give back €7.50")).to_be_visible()
    sold = page.url
    page.get_by_role("button", name="Print", exact=True).click()
    page.wait_for_timeout(500)
    for paper in printed:
        paper.close()
    assert _prints(scene) == 1
    # The station's own page follows until the meter has it.
    carl.go(sold.removeprefix(scene.address))
    expect(page.get_by_role("main")).to_contain_text("credited", timeout=SOON_MS)
    carl.go("/console/shifts")
    page.get_by_role("link", name="Drawer and closing").click()
    expect(page.get_by_role("main")).to_contain_text("€62.50")
    page.get_by_role("link", name="Count and close").click()
    page.get_by_label("Counted in the drawer").fill("60")
    page.get_by_role("button", name="Close the shift").click()
    expect(page.get_by_role("alert")).to_contain_text("€2.50 less than there should be")
    page.get_by_label("Counted in the drawer").fill("62.50")
    page.get_by_role("button", name="Close the shift").click()
    expect(page.get_by_role("heading", name="Z-report", exact=True)).to_be_visible()
    balances = scene.station.balances(CUT_METER)
    assert all(each.agrees for each in balances)


def test_a_cashier_is_told_what_is_not_for_cashiers(visit):
    carl = visit(CASHIER)
    assert carl.go("/console/people").status == 403
    expect(carl.page.get_by_role("heading", level=1)).to_be_visible()


def _prints(scene):
    with scene.station.db.read() as conn:
        return conn.exec_driver_sql("SELECT count(*) FROM receipt_prints").scalar()

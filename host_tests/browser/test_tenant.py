"""The tenant's stories, on the live board: out of credit, topped up, fed again."""

import pytest
from playwright.sync_api import expect

from umeter_sim.demo_houses import CUT_CH, CUT_METER, TENANT
from umeter_sim.scene import wait_until
from umeter_station.people import accounts, sessions

CHANNEL = f"{CUT_METER}.{CUT_CH}"
SOON_MS = 30_000


def household(page):
    """The card of the channel that is out."""
    return page.locator(f"section[aria-labelledby='ch-{CUT_METER}-{CUT_CH}']")


def contact(scene):
    """What the board itself has on its relay."""
    return scene.sims[CUT_METER].ask("meter")["channels"][CUT_CH - 1]["contact"]


def credited_u(scene):
    return scene.sims[CUT_METER].ask("meter")["channels"][CUT_CH - 1]["credited_total_u"]


def payments(scene):
    with scene.station.db.read() as conn:
        return conn.exec_driver_sql("SELECT count(*) FROM payments").scalar()


def choose(who, amount):
    who.go(f"/home/top-up?channel={CHANNEL}")
    who.page.get_by_role("button", name=amount, exact=True).click()
    return who.page.get_by_role("button", name=f"Pay {amount}")


def pay_there(page):
    """As the payer at the provider, and back at the station."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox payment")
    page.get_by_role("button", name="Pay €10.00").click()
    page.get_by_role("link", name="Back to your payment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your payment")


def test_a_tenant_sees_the_cut_tops_up_and_restores_the_power(scene, visit):
    wait_until(lambda: scene.station.latest_reading(CUT_METER).clock, "the board's clock")
    tess = visit(TENANT)
    page = tess.page
    expect(household(page)).to_contain_text("Power is off")
    expect(household(page)).to_contain_text("The credit is used up")
    assert not contact(scene)
    before_u = credited_u(scene)
    household(page).get_by_role("link", name="Top up").click()
    page.get_by_role("button", name="€10.00", exact=True).click()
    page.get_by_role("button", name="Pay €10.00").click()
    pay_there(page)
    # Its page follows by itself until the meter has the money.
    expect(page.locator(".steps .reached").last).to_be_visible()
    expect(page.locator(".steps .ahead")).to_have_count(0, timeout=SOON_MS)
    assert credited_u(scene) == before_u + 10_000_000
    assert not contact(scene)  # that waits for her hand
    tess.go("/home")
    page.get_by_role("link", name="Restore power").click(timeout=SOON_MS)
    expect(page.get_by_text("make sure that it is safe at home")).to_be_visible()
    page.get_by_label("It is safe: I have looked, or I know.").check()
    page.get_by_role("button", name="Restore power").click()
    expect(household(page)).to_contain_text("Power is on", timeout=SOON_MS)
    wait_until(lambda: contact(scene), "the contact to close")
    tess.go("/home/purchases")
    expect(page.get_by_role("main")).to_contain_text("€10.00")


def test_a_double_click_on_pay_pays_once(scene, visit):
    tess = visit(TENANT)
    pay = choose(tess, "€20.00")
    before = payments(scene)
    pay.dblclick()
    expect(tess.page.get_by_role("heading", level=1)).to_have_text("Sandbox payment")
    assert payments(scene) == before + 1


def test_a_double_click_on_pay_pays_once_without_scripts(scene, visit):
    tess = visit(TENANT, java_script_enabled=False)
    pay = choose(tess, "€50.00")
    before = payments(scene)
    pay.dblclick()
    expect(tess.page.get_by_role("heading", level=1)).to_have_text("Sandbox payment")
    assert payments(scene) == before + 1


def test_going_back_after_paying_does_not_pay_again(scene, visit):
    tess = visit(TENANT)
    choose(tess, "€10.00").click()
    page = tess.page
    before_u = credited_u(scene)
    pay_there(page)
    wait_until(lambda: credited_u(scene) == before_u + 10_000_000, "the credit")
    page.go_back()
    expect(page.get_by_text("Paid", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Pay €10.00")).to_have_count(0)
    while "/home/top-up" not in page.url:
        page.go_back()
    expect(page.get_by_role("main")).to_contain_text("You paid €10.00")
    assert credited_u(scene) == before_u + 10_000_000


def test_a_lost_connection_is_said_and_found_again(scene, visit):
    tess = visit(TENANT)
    lost = tess.page.locator("[data-offline]")
    expect(lost).to_be_hidden()
    tess.context.set_offline(True)
    expect(lost).to_be_visible(timeout=SOON_MS)
    tess.context.set_offline(False)
    expect(lost).to_be_hidden(timeout=SOON_MS)
    tess.complaints.clear()  # that the connection was lost is true


@pytest.mark.parametrize("path", ["/console", "/console/desk", "/console/acts"])
def test_a_tenant_is_told_what_is_not_for_tenants(visit, path):
    tess = visit(TENANT)
    assert tess.go(path).status == 403
    expect(tess.page.get_by_role("heading", level=1)).to_be_visible()


def test_a_session_that_has_ended_leads_to_sign_in_and_back(scene, visit):
    tess = visit(TENANT)
    tess.go("/home/usage")
    with scene.station.db.write() as conn:
        sessions.end_all(conn, accounts.named(conn, TENANT).id)
    tess.go("/home/usage")
    page = tess.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    tess.type_in(TENANT)
    assert page.url.endswith("/home/usage")

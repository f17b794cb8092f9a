"""The operator's day: stolen energy is found, a channel is cut and let be, a tariff is changed."""

import re

from playwright.sync_api import expect

from umeter_sim.demo_houses import CUT_METER, OPERATOR, TAPPED_METER
from umeter_sim.scene import wait_until
from umeter_station.desk import terms

SOON_MS = 30_000
CH = 5


def contact(scene):
    return scene.sims[CUT_METER].ask("meter")["channels"][CH - 1]["contact"]


def supply(olivia, verb, sure):
    page = olivia.page
    olivia.go(f"/console/meters/{CUT_METER}")
    page.locator(f"#ch{CH}").get_by_role("link", name=verb).click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name=sure).click()


def test_an_operator_finds_the_stolen_energy(visit):
    olivia = visit(OPERATOR)
    page = olivia.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Abnormal now")
    found = page.locator("article").filter(has_text="Energy that is not metered")
    expect(found).to_contain_text(TAPPED_METER)
    found.get_by_role("heading").get_by_role("link").click()
    expect(page.get_by_role("main")).to_contain_text("not accounted for")
    expect(page.locator(".uplot, canvas").first).to_be_visible()
    page.get_by_role("button", name="I look after it").click()
    expect(page.get_by_role("main")).to_contain_text("looked after")
    page.get_by_label("Note", exact=True).fill("A cable behind the box; the police come at two.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_role("main")).to_contain_text("the police come at two")


def test_an_operator_cuts_a_supply_and_lets_it_be(scene, visit):
    wait_until(lambda: contact(scene), "the contact to be closed")
    olivia = visit(OPERATOR)
    supply(olivia, re.compile("Cut the supply"), "Cut the supply")
    wait_until(lambda: not contact(scene), "the contact to open")
    card = olivia.page.locator(f"#ch{CH}")
    expect(card).to_contain_text("contact open", timeout=SOON_MS)
    supply(olivia, re.compile("Let the supply be"), "Let the supply be")
    wait_until(lambda: contact(scene), "the contact to close")
    expect(card).to_contain_text("contact closed", timeout=SOON_MS)


def test_an_operator_changes_a_tariff_with_a_canary(scene, visit):
    olivia = visit(OPERATOR)
    page = olivia.page
    olivia.go("/console/tariffs/of/Home/change")
    page.get_by_label("Price of a kWh (by day").fill("0.35")
    page.get_by_role("button", name="What would households pay?").click()
    expect(page.get_by_role("main")).to_contain_text("As most households")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    page.get_by_role("button", name="Prepare a rollout").click()
    page.locator("select[name=site]").select_option("Mill Lane 12")
    page.locator("input[name=canary]").fill("1")
    page.get_by_role("button", name="See what it would do").click()
    expect(page.locator("#dry")).to_contain_text("350000")
    page.get_by_role("button", name="Begin with the first ones").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rollout")
    first = page.get_by_role("row").filter(has=page.get_by_role("link", name=CUT_METER))
    expect(first).to_contain_text("applied", timeout=SOON_MS)
    assert _price_by_day_u(scene, CUT_METER) == 350_000
    # The other one waits until the first has been watched.
    assert _price_by_day_u(scene, TAPPED_METER) == 310_000


def _price_by_day_u(scene, meter):
    with scene.station.db.read() as conn:
        return max(terms.of(conn, meter, 1, scene.station.clock.now_s()).tariff["prices"][0])

"""One Chromium and one station with a live board for all stories."""

import pytest
from playwright.sync_api import sync_playwright

from umeter_sim import page_walk
from umeter_sim.demo_houses import CUT_METER, HOUSES
from umeter_sim.demo_scene import DemoScene

DAYS = 3


@pytest.fixture(scope="session")
def browser():
    path = page_walk.chromium_path()
    if path is None:
        pytest.skip("no Chromium is installed here: the pages are not tried in a real browser")
    with sync_playwright() as playwright:
        chromium = page_walk.launch(playwright, path)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def scene(browser, tmp_path_factory):
    """A few days of history; of its boards one lives on."""
    live = tuple(house for house in HOUSES if house.meter == CUT_METER)
    with DemoScene(tmp_path_factory.mktemp("demo"), days=DAYS, live=live) as scene:
        yield scene


@pytest.fixture
def visit(browser, scene):
    """visit(name): a new visitor, signed in by that name; visit(): one who is not. After the test
    none of them may have heard a complaint of the browser.
    """
    made = []

    def visit(name="", **options):
        who = page_walk.visitor(browser, scene.address, **options)
        made.append(who)
        return who.sign_in(name) if name else who

    yield visit
    complaints = [complaint for who in made for complaint in who.complaints]
    for who in made:
        who.context.close()
    assert complaints == []

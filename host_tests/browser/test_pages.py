"""Every page in a real browser: nobody is shut out by how it is made, and its policy holds."""

import time

import pytest

from umeter_sim import page_axe, page_walk
from umeter_sim.demo_houses import CASHIER, OPERATOR, OWNER, TENANT
from umeter_sim.demo_walks import walks

pytestmark = pytest.mark.slow
ELSEWHERE = ["/"]  # it only leads on
SEEN: set[str] = set()
SETTLE_S = 2
# What a phone would have to scroll sideways, the page or one of its tables.
WIDE = """Math.max(document.documentElement.scrollWidth - innerWidth,
  ...[...document.querySelectorAll('.table')].map((box) => box.scrollWidth - box.clientWidth))"""


@pytest.fixture(scope="module")
def starts(scene):
    return walks(scene.station)


@pytest.mark.parametrize("name", ["", TENANT, CASHIER, OPERATOR, OWNER])
def test_pages_bar_nobody(visit, starts, name):
    who = visit(name)
    found = []
    for kind in page_walk.walk(who, starts[name]):
        if kind in SEEN:
            continue
        SEEN.add(kind)
        found += [f"{kind}: {each}" for each in page_axe.violations(who.page)]
        if sideways := _sideways(who.page):
            found.append(f"{kind}: {sideways} px of it lie beside a phone's screen")
    assert found == []


def test_every_page_was_seen():
    if len(SEEN) < 10:
        pytest.skip("the walks belong to it")
    missing = [path for path in page_walk.page_routes() if path not in SEEN]
    assert missing == ELSEWHERE


def _sideways(page):
    """How far a phone would have to scroll."""
    page.set_viewport_size(page_walk.PHONE)
    end_s = time.monotonic() + SETTLE_S  # charts are drawn anew
    while (wide := page.evaluate(WIDE)) > 0 and time.monotonic() < end_s:
        page.wait_for_timeout(50)
    page.set_viewport_size(page_walk.DESK)
    return max(0, wide)

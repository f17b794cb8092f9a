"""Axe, the accessibility checker, run inside pages that a browser has open."""

from functools import cache

from playwright.sync_api import Page

from umeter_sim.paths import ROOT

SERIOUS = ("serious", "critical")
_AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async (rules) => {
  const only = rules ? {runOnly: {type: 'rule', values: rules}} : {};
  const found = await axe.run(document, {resultTypes: ['violations'], ...only});
  return found.violations.map(each => [each.impact, each.id,
    each.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]);
}"""


@cache
def _source() -> str:
    return _AXE.read_text()


def violations(page: Page) -> list[str]:
    """What axe finds serious or worse in light and in dark, a sentence each. The page keeps its
    state; what depends on colours alone is looked at twice.
    """
    # Not by a script element: the pages' policy would refuse that, as it should.
    page.evaluate(_source())
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = [("light", *each) for each in page.evaluate(_RUN, None)]
    page.emulate_media(color_scheme="dark")
    found += [("dark", *each) for each in page.evaluate(_RUN, ["color-contrast"])]
    page.emulate_media(color_scheme="light")
    return [
        f"{scheme}: {rule} ({impact}): {' | '.join(nodes)}"
        for scheme, impact, rule, nodes in found
        if impact in SERIOUS
    ]

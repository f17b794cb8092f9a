"""What pages weigh, and whether they bar anybody: measured in a real browser on the demo station.

portal_first_load_bytes: all that comes over the line when a tenant opens the first page with an
empty cache, headers and all. year_chart_bytes: the numbers of a chart over a year, as they come.
axe_serious: what axe finds serious or worse, on all pages, in light and in dark.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.table import Table

from umeter_sim import page_axe, page_walk
from umeter_sim.demo_houses import CUT_CH, CUT_METER, TENANT
from umeter_sim.demo_scene import DemoScene
from umeter_sim.demo_walks import walks
from umeter_sim.pages_bench_tiles import tiles_500

DAYS = 60
YEAR = f"/charts/own.json?channel={CUT_METER}.{CUT_CH}&span=year"
_QUIET_MS = 1500  # a live part has come, too


class NoBrowser(RuntimeError):
    """There is no Chromium on this machine."""


def run(tell: Callable[[object], None]) -> dict[str, float]:
    """The figures by name; `tell` prints."""
    path = page_walk.chromium_path()
    if path is None:
        raise NoBrowser("there is no Chromium here; `apt-get install chromium`")
    with (
        tempfile.TemporaryDirectory(prefix="umeter-pages-") as folder,
        DemoScene(Path(folder), days=DAYS, live=()) as scene,
        sync_playwright() as playwright,
    ):
        browser = page_walk.launch(playwright, path)
        first, parts = _first_load(browser, scene.address)
        tell(_weights(parts))
        year = _year_chart(browser, scene.address)
        faults = _axe(browser, scene)
        for fault in faults:
            tell(f"[red]{fault}[/]")
        browser.close()
    figures = {
        "portal_first_load_bytes": first,
        "year_chart_bytes": year,
        "axe_serious": len(faults),
    }
    return figures | tiles_500()


def _first_load(browser: page_walk.Browser, address: str) -> tuple[int, dict[str, int]]:
    """Bytes of the tenant's first page, and of each of its parts."""
    who = page_walk.visitor(browser, address)
    who.sign_in(TENANT)
    # Signed in, but with nothing in the cache.
    line = who.context.new_cdp_session(who.page)
    line.send("Network.enable")
    line.send("Network.clearBrowserCache")
    urls: dict[str, str] = {}
    came: dict[str, int] = {}
    line.on(
        "Network.requestWillBeSent",
        lambda told: urls.update({told["requestId"]: told["request"]["url"]}),
    )
    line.on(
        "Network.loadingFinished",
        lambda told: came.update({told["requestId"]: int(told["encodedDataLength"])}),
    )
    line.on(
        "Network.dataReceived",
        # Of a stream that does not end there is no sum.
        lambda told: came.setdefault(told["requestId"], int(told["encodedDataLength"])),
    )
    who.go("/home")
    who.page.wait_for_timeout(_QUIET_MS)
    parts = {urls[number].removeprefix(address): size for number, size in came.items()}
    who.context.close()
    return sum(parts.values()), parts


def _weights(parts: dict[str, int]) -> Table:
    table = Table("what comes with a tenant's first page", "bytes")
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        table.add_row(name, str(size))
    return table


def _year_chart(browser: page_walk.Browser, address: str) -> int:
    who = page_walk.visitor(browser, address)
    who.sign_in(TENANT)
    line = who.context.new_cdp_session(who.page)
    line.send("Network.enable")
    came: list[int] = []
    line.on("Network.loadingFinished", lambda told: came.append(int(told["encodedDataLength"])))
    status = who.page.evaluate(
        "async url => { const got = await fetch(url); await got.text(); return got.status; }", YEAR
    )
    who.page.wait_for_timeout(200)
    who.context.close()
    if status != 200 or not came:
        raise RuntimeError(f"{YEAR} answered {status}")
    return came[-1]


def _axe(browser: page_walk.Browser, scene: DemoScene) -> list[str]:
    faults, seen = [], set()
    for name, starts in walks(scene.station).items():
        who = page_walk.visitor(browser, scene.address)
        if name:
            who.sign_in(name)
        for kind in page_walk.walk(who, starts):
            if kind not in seen:
                seen.add(kind)
                faults += [f"{kind}: {each}" for each in page_axe.violations(who.page)]
        who.context.close()
    return faults

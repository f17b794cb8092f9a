"""What pages weigh, and whether they bar anybody: in a real browser, on the demo's station.

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
from umeter_station.models import intervals
from umeter_station.station import Station

DAYS = 14  # of history, of which a year is made
YEAR_DAYS = 365
YEAR = f"/charts/{CUT_METER}/{CUT_CH}.json?last_s={YEAR_DAYS * 86_400}&kind="
USAGE = f"/home/usage?channel={CUT_METER}.{CUT_CH}&span=year"
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
        _a_year_before(scene.station)
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
    # What began before is of another page.
    parts = {urls[n].removeprefix(address): size for n, size in came.items() if n in urls}
    who.context.close()
    return sum(parts.values()), parts


def _weights(parts: dict[str, int]) -> Table:
    table = Table("what comes with a tenant's first page", "bytes")
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        table.add_row(name, str(size))
    return table


def _a_year_before(station: Station) -> None:
    """A year of quarter-hours: what there is, again and again, backwards."""
    copied = [c.name for c in intervals.columns if c.name not in ("n", "t_end")]
    names = ", ".join(copied)
    with station.db.write() as conn:
        until_s = station.clock.now_s()
        for times in range(1, -(-YEAR_DAYS // DAYS) + 1):
            conn.exec_driver_sql(
                f"INSERT INTO intervals (n, t_end, {names}) SELECT n + {times * 100_000},"
                f" t_end - {times * DAYS * 86_400}, {names} FROM intervals"
                f" WHERE n < 100000 AND t_end - {times * DAYS * 86_400} >"
                f" {until_s - YEAR_DAYS * 86_400}"
            )
        conn.exec_driver_sql(f"UPDATE tenancies SET from_s = {until_s - YEAR_DAYS * 86_400}")


def _year_chart(browser: page_walk.Browser, address: str) -> int:
    """The most bytes of numbers that a chart over a year loads."""
    who = page_walk.visitor(browser, address)
    who.sign_in(TENANT)
    line = who.context.new_cdp_session(who.page)
    line.send("Network.enable")
    charts: set[str] = set()
    came: dict[str, int] = {}

    def asked(told: dict) -> None:
        if "/charts/" in told["request"]["url"]:
            charts.add(told["requestId"])

    line.on("Network.requestWillBeSent", asked)
    line.on(
        "Network.loadingFinished",
        lambda told: came.update({told["requestId"]: int(told["encodedDataLength"])}),
    )
    who.go(USAGE)
    for kind in ("energy", "power"):
        # A click on "year" is months or days; a year at the finest step is the most there is.
        who.page.evaluate("url => fetch(url).then(got => got.text())", YEAR + kind)
    who.page.wait_for_timeout(_QUIET_MS)
    who.context.close()
    sizes = [came[number] for number in charts if number in came]
    if len(sizes) < 3:
        raise RuntimeError(f"{USAGE} and {YEAR} have answered {sizes} bytes")
    return max(sizes)


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

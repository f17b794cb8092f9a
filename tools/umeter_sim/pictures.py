"""Pictures of every page, for people to look at: light and dark, on a phone and on a desk."""

import io
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console

from umeter_sim import page_walk
from umeter_sim.demo_houses import (
    BY_CASHIER,
    CASHIER,
    CUT_METER,
    OPERATOR,
    TAPPED_METER,
    TENANT,
)
from umeter_sim.demo_scene import DemoScene
from umeter_sim.demo_walks import walks
from umeter_sim.page_walk import DESK, PHONE
from umeter_sim.paths import BUILD, DEMO, ROOT
from umeter_station.desk import shifts
from umeter_station.watch import findings

FOLDER = BUILD / "screenshots"
README = ROOT / "pictures"
OWN = f"channel={CUT_METER}.7"
# Name: who looks, at what, how large, in which colours. {finding} is the theft that the demo has.
FEW = {
    "portal": (TENANT, "/home", PHONE, "light"),
    "usage": (TENANT, f"/home/usage?{OWN}&span=month", DESK, "light"),
    "abnormal": (OPERATOR, "/console", DESK, "light"),
    "map": (OPERATOR, "/console/meters", DESK, "dark"),
    "finding": (OPERATOR, "/console/findings/{finding}", DESK, "light"),
    "desk": (CASHIER, f"/console/desk/at/{CUT_METER}/1?paid=20", DESK, "light"),
}
_COLOURS = 128
_LIVE_S = 20
_SETTLE_MS = 500  # charts are drawn


@contextmanager
def browser() -> Iterator[page_walk.Browser]:
    path = page_walk.chromium_path()
    if path is None:
        raise typer.BadParameter("there is no Chromium here; `apt-get install chromium`")
    with sync_playwright() as playwright:
        yield page_walk.launch(playwright, path)


def take(scene: DemoScene, folder: Path, console: Console) -> int:
    """All of them; how many."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    number = 0
    taken: set[str] = set()
    with browser() as chromium:
        for name, starts in walks(scene.station).items():
            who = page_walk.visitor(chromium, scene.address)
            if name:
                who.sign_in(name)
            for kind in page_walk.walk(who, starts):
                if kind not in taken:
                    taken.add(kind)
                    number += _four(who.page, folder, _file_name(name, kind))
            for complaint in who.complaints:
                console.print(f"[red]{complaint}[/]")
            who.context.close()
    return number


def _four(page: page_walk.Page, folder: Path, name: str) -> int:
    for size_name, size in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(_SETTLE_MS)
            page.screenshot(path=folder / f"{name}-{size_name}-{scheme}.png", full_page=True)
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")
    return 4


def _file_name(who: str, kind: str) -> str:
    plain = kind.strip("/").replace("/", "-").replace("{", "").replace("}", "")
    return f"{who or 'anybody'}-{plain}"


def take_few(scene: DemoScene, folder: Path) -> int:
    """Those of the README: as one sees them, without scrolling, in few colours."""
    folder.mkdir(exist_ok=True)
    books = scene.station
    with books.db.write() as conn:
        shifts.open_(conn, "desk", BY_CASHIER, 50_000_000, BY_CASHIER, books.clock.now_s())
        (theft,) = findings.list_(conn, state="current", meter=TAPPED_METER, rule="A03")
    with browser() as chromium:
        for name, (who, path, size, scheme) in FEW.items():
            looks = page_walk.visitor(
                chromium, scene.address, viewport=size, color_scheme=scheme
            ).sign_in(who)
            looks.go(path.format(finding=theft.id))
            looks.page.wait_for_timeout(3 * _SETTLE_MS)
            taken = io.BytesIO(looks.page.screenshot())
            few = Image.open(taken).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
            few.save(folder / f"{name}.png", optimize=True)
            looks.context.close()
    return len(FEW)


def take_all(days: int, few: bool) -> None:
    """Of a demo that is begun for it; `few`: only those of the README."""
    console = Console()
    with DemoScene(DEMO, lambda doing: None, days) as scene:
        time.sleep(_LIVE_S)  # the boards have closed their contacts and told what is drawn
        folder = README if few else FOLDER
        number = take_few(scene, folder) if few else take(scene, folder, console)
    console.print(f"{number} pictures in {folder}")

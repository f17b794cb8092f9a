"""Pictures of every page, for people to look at: light and dark, on a phone and on a desk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from playwright.sync_api import sync_playwright
from rich.console import Console

from umeter_sim import page_walk
from umeter_sim.demo_scene import DemoScene
from umeter_sim.demo_walks import walks
from umeter_sim.page_walk import DESK, PHONE
from umeter_sim.paths import BUILD, DEMO

FOLDER = BUILD / "screenshots"
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


def take_all(days: int) -> None:
    """Of a demo that is begun for it."""
    console = Console()
    with DemoScene(DEMO, lambda doing: None, days) as scene:
        number = take(scene, FOLDER, console)
    console.print(f"{number} pictures in {FOLDER}")

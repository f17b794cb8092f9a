"""The bench's frame: which parts are done, what is kept of them, how they are judged."""

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from umeter_sim import bench, bounds, cli, traps
from umeter_sim.paths import ROOT


def _sold():
    return {"sales_lost": 0}


def _lost():
    return {"sales_lost": 1}


def _slow(tell):
    tell("half of it")
    return {"seconds": 7, "slow_tables": ["what it came to"]}


@pytest.fixture
def parts(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "RESULT", tmp_path / "build" / "bench.json")
    monkeypatch.setattr(bench, "PARTS", (("sold", _sold),))
    monkeypatch.setattr(bench, "LONG_PARTS", (("slow", _slow),))
    monkeypatch.setattr(bench, "BESIDE", (("a bus", traps.pzem_scan),))
    monkeypatch.setattr(bench, "ALONE", ())
    monkeypatch.setattr(bench, "TITLES", ["sold", "slow", "a bus"])


def _kept():
    return json.loads(bench.RESULT.read_text())


def test_figures_are_kept_and_tables_only_shown(parts):
    console = Console(record=True, width=120)
    assert bench.measure(console, bench.TITLES)
    assert _kept() == {"sales_lost": 0, "seconds": 7, **traps.pzem_scan()}
    shown = console.export_text()
    assert "what it came to" in shown and "<= 800" in shown


def test_parts_that_are_not_asked_for_keep_their_figures(parts, monkeypatch):
    bench.measure(Console(), ["slow"])
    monkeypatch.setattr(bench, "PARTS", (("sold", _lost),))
    done = CliRunner().invoke(cli.app, ["bench", "--only", "sol"])
    assert done.exit_code == 1 and "a figure is beyond its limit" in done.output
    assert _kept() == {"seconds": 7, "sales_lost": 1}
    bench.RESULT.write_text('{"of": "an older bench"}')
    bench.measure(Console(), bench.TITLES)
    assert "of" not in _kept()


def test_a_part_that_is_not_there_is_refused(parts):
    done = CliRunner().invoke(cli.app, ["bench", "--only", "nothing"])
    assert done.exit_code == 2 and "slow" in done.output and not bench.RESULT.exists()


def test_what_runs_alone_runs_when_nothing_is_beside_it(parts, monkeypatch):
    at_work = []

    class Pool(bench.ProcessPoolExecutor):
        def __enter__(self):
            at_work.append("beside")
            return super().__enter__()

        def __exit__(self, *what):
            at_work.clear()
            return super().__exit__(*what)

    monkeypatch.setattr(bench, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(bench, "LONG_PARTS", (("slow", lambda tell: {"l": len(at_work)}),))
    monkeypatch.setattr(bench, "ALONE", (("last", lambda tell: {"a": len(at_work)}),))
    bench.measure(Console(), ["slow", "last"])
    assert _kept() == {"l": 1, "a": 0}


def test_what_has_not_begun_beside_is_done_here(parts, monkeypatch):
    bus = traps.pzem_scan
    # More than the other process takes at once; the last cannot be sent to it at all.
    several = [(f"bus {number}", bus) for number in range(6)]
    monkeypatch.setattr(bench, "BESIDE", (*several, ("here", lambda: {"here": 1})))
    bench.measure(Console(), [title for title, _ in bench.BESIDE])
    assert _kept() == {**bus(), "here": 1}


@pytest.mark.parametrize(
    ("name", "value", "judged"),
    [
        ("sales_lost", 0, (True, "<= 0")),
        ("sales_lost", 1, (False, "<= 0")),
        ("rule_recall_min", 0.95, (True, ">= 0.95")),
        ("rule_recall_min", 0.949, (False, ">= 0.95")),
        ("sales_tried", 7, (True, "")),
    ],
)
def test_a_figure_is_judged_by_its_bound(name, value, judged):
    assert bounds.judge(name, value) == judged


def test_every_bound_is_of_a_figure_that_a_part_gives():
    folder = ROOT / "tools" / "umeter_sim"
    others = [path.read_text() for path in folder.glob("*.py") if path.name != "bounds.py"]
    bounded = [*bounds.LIMITS, *bounds.FLOORS]
    assert [name for name in bounded if not any(f'"{name}"' in text for text in others)] == []

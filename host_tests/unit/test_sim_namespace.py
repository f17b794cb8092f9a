import sys
import threading

import pytest

from simulated_chip import Chip
from umeter_sim.runtimes.namespace import Namespace


@pytest.fixture
def folder(tmp_path):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from . import two\nfrom .two import NAME\nvalue = []\n")
    (package / "two.py").write_text("import sys\nNAME = 'two'\nme = sys.modules['pack.two']\n")
    (tmp_path / "json.py").write_text("mine = True\n")
    (tmp_path / "broken.py").write_text("import threading\n")
    return tmp_path


def make(folder, said=None):
    return Namespace([folder], {}, folder, (said if said is not None else []).append)


def test_packages_relative_imports_and_shadowing(folder):
    space = make(folder)
    one = space.load("pack.one")
    assert one.NAME == "two" and one.two is space.load("pack.two") and one.two.me is one.two
    assert space.load("pack").one is one
    assert space.load("json").mine


def test_nothing_leaks_and_every_namespace_is_fresh(folder):
    before = set(sys.modules)
    first, second = make(folder).load("pack.one"), make(folder).load("pack.one")
    first.value.append(1)
    assert second.value == []
    assert set(sys.modules) == before


def test_what_micropython_does_not_have_is_not_there(folder):
    with pytest.raises(ImportError, match="threading"):
        make(folder).load("broken")
    assert "broken" not in sys.modules and threading is sys.modules["threading"]


def test_a_module_can_be_dropped_to_be_loaded_again(folder):
    space = make(folder)
    old = space.load("pack.two")
    del space.modules["pack.two"]
    assert space.load("pack.two") is not old


def test_files_and_prints_belong_to_the_board(folder, capsys):
    (folder / "note.txt").write_text("here")
    (folder / "app.py").write_text(
        "import os\nprint('size', os.stat('note.txt')[6], sep='=')\n"
        "with open('note.txt') as f:\n    text = f.read()\n"
    )
    said = []
    assert make(folder, said).load("app").text == "here"
    assert said == ["size=4"] and capsys.readouterr().out == ""


def test_two_chips_do_not_share_their_world():
    one, two = Chip(), Chip()
    one.pass_ms(100)
    assert one.time.ticks_ms() == 100 and two.time.ticks_ms() == 0

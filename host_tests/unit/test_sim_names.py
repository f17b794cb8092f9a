"""The firmware's own names are short on the board, and what others know by name is not."""

import ast
import sys
import types

import pytest

from umeter_sim.build import build_firmware, names_of
from umeter_sim.squeeze_imports import relative
from umeter_sim.squeeze_names import readable, shortened, spoken_to

PARTS = '''
from micropython import const
import json
LIMIT_WH = 7


class Counted:
    """A word of a docstring, LIMIT_WH, has no say."""

    seen_so_far = 0

    def __init__(self, told_as, credit_u=1):
        self.told_as = told_as
        self.credit_u = credit_u

    def _doubled(self, number_of):
        return number_of + number_of

    def counted_up(self, number_of):
        def inner_step(part):
            return part + LIMIT_WH

        self.seen_so_far += self._doubled(inner_step(number_of))
        return json.dumps({"credit_u": self.credit_u, "seen": self.seen_so_far})


def _helper(told_as):
    return Counted(told_as, credit_u=3)


def by_word(thing, word):
    return getattr(thing, word)
'''
USER = """
from a.parts import Counted, _helper as _made, by_word


def _helper(text):
    return text.upper()


def total_of(number_of):
    thing = _made("x")
    texts = [thing.counted_up(number_of), _helper(thing.told_as)]
    return texts + [by_word(thing, "credit_u"), isinstance(thing, Counted)]
"""
TABLE = """
class Table:
    def __init__(self, values):
        for name in values:
            setattr(self, name, values[name])
        self.rates_rest = 0
"""
SOURCES = {"a.parts": PARTS, "a.user": USER, "a.table": TABLE}


@pytest.fixture(scope="module")
def short():
    return shortened(SOURCES)


@pytest.fixture
def modules(monkeypatch):
    """Makes modules of sources in this order, and gives the last."""

    def made(sources):
        const = types.SimpleNamespace(const=lambda value: value)
        monkeypatch.setitem(sys.modules, "micropython", const)
        package = types.ModuleType("a")
        package.__path__ = []
        monkeypatch.setitem(sys.modules, "a", package)
        for name, text in sources.items():
            module = types.ModuleType(name)
            module.__package__ = "a"
            monkeypatch.setitem(sys.modules, name, module)
            exec(text, module.__dict__)
        return module

    return made


def identifiers(text):
    return {
        word
        for node in ast.walk(ast.parse(text))
        for field in ("id", "attr", "arg", "name")
        if isinstance(word := getattr(node, field, None), str)
    }


def test_it_does_the_same(short, modules):
    texts, names = short
    ask = "def ask(module):\n    return module.total_of(4)\n"
    answers = []
    for sources, asks in ((SOURCES, ask), (relative(texts), spoken_to(ask, names))):
        scope = {}
        exec(asks, scope)
        sources = {name: sources[name] for name in ("a.parts", "a.user")}
        answers.append(scope["ask"](modules(sources)))
    assert answers[0] == answers[1] == ['{"credit_u": 3, "seen": 22}', "X", 3, True]


def test_own_names_are_short_everywhere_alike(short):
    texts, names = short
    left = identifiers(texts["a.parts"]) | identifiers(texts["a.user"])
    gone = {"Counted", "LIMIT_WH", "counted_up", "seen_so_far", "inner_step", "_doubled"}
    assert not left & gone and "total_of" not in left
    assert set(names[""].values()) >= gone - {"_doubled"}
    assert all(len(word) == 2 for word in names[""])
    assert len(set(names[""].values())) == len(names[""])
    assert names["a.parts"] == {"_a": "_doubled"}, "what a neighbour imports is no own name"


def test_what_others_know_by_name_keeps_it(short):
    texts, _ = short
    assert "credit_u" in identifiers(texts["a.parts"]), "a word of a string"
    assert {"dumps", "const", "getattr"} <= identifiers(texts["a.parts"]), "the interpreter's"
    assert "rates_rest" in identifiers(texts["a.table"]), "of a class that sets them by name"
    caller = "def look(thing):\n    return thing.seen_so_far, 'told_as'\n"
    kept, names = shortened(SOURCES, [caller])
    assert {"seen_so_far", "told_as"} <= identifiers(kept["a.parts"])
    assert not {"seen_so_far", "told_as"} & set(names[""].values())


def test_one_more_name_changes_no_other(short):
    more = dict(SOURCES, **{"a.more": "def another_one():\n    return 1\n"})
    before, after = short[1][""], shortened(more)[1][""]
    assert before.items() < after.items()


def test_who_asks_by_the_sources_names_gets_the_boards(short):
    names = short[1]
    at = {long: short for short, long in names[""].items()}
    asked = spoken_to("[app.counted_up(1), getattr(app, 'seen_so_far'), 'seen_so_far']", names)
    expected = f"[app.{at['counted_up']}(1), getattr(app, '{at['seen_so_far']}'), 'seen_so_far']"
    assert asked == expected
    assert spoken_to("as it [is", {}) == "as it [is"


def test_a_traceback_is_readable(short):
    names = short[1]
    at = {long: short for short, long in names[""].items()}
    text = "\n".join(
        [
            "Traceback (most recent call last):",
            f'  File "user", in {at["total_of"]}',
            f'  File "parts", line 3, in {at["counted_up"]}',
            '  File "parts", in _a',
            '  File "strange", in _a',
            f"AttributeError: 'object' object has no attribute '{at['seen_so_far']}'",
        ]
    )
    told = readable(text, names).splitlines()
    assert told[1:4] == [
        '  File "user", in total_of',
        '  File "parts", line 3, in counted_up',
        '  File "parts", in _doubled',
    ]
    assert told[4] == '  File "strange", in _a'
    assert told[5] == "AttributeError: 'object' object has no attribute 'seen_so_far'"


def test_a_neighbour_is_imported_by_its_last_name():
    source = "from a import c\nfrom a.c import f\nfrom b.c import g\nfrom a.d import h\n"
    texts = relative({"a.b": source, "a.c": "", "b.c": ""})
    assert texts["a.b"].splitlines() == [
        "from . import c",
        "from .c import f",
        "from b.c import g",
        "from a.d import h",
    ]


def test_the_build_tells_what_the_names_mean(tmp_path):
    package = tmp_path / "firmware" / "umeter" / "core"
    package.mkdir(parents=True)
    (package / "thing.py").write_text("def looked_up():\n    return _found()\n\n\n")
    assert names_of(tmp_path / "mpy") == {}
    with open(package / "thing.py", "a") as file:
        file.write("def _found():\n    return 1\n")
    names = names_of(build_firmware(tmp_path / "firmware", tmp_path / "mpy").folder)
    assert list(names[""].values()) == ["looked_up"]
    assert names["umeter.core.thing"] == {"_a": "_found"}

"""What is squeezed out of the firmware does not change what it does."""

import ast
import types

import pytest

from umeter_sim.squeeze import squeezed

BITS = """
from micropython import const
LOW = const(1)
HIGH = const(LOW << 4)
_OWN = const(3)
HUGE = const(1 << 40)
shown = LOW | _OWN
"""
USER = """
from micropython import const
from a.bits import HIGH, HUGE, LOW as least

_WORDS = const("one two")
_TWICE = const("kept where it is")


class Thing:
    kind = HIGH

    def __init__(self, size, name="thing"):
        self._size = size
        self._seen = 0
        self.name = name

    def _grow(self, by):
        self._size += by
        return self._size

    def grown(self, by):
        def twice(item):
            by = item + item
            return by

        self._seen += 1
        return self._grow(twice(by)) + sum([by for by in (1, by)])


def total(first, *others, scale=HUGE):
    pick = lambda other, first=first: other + first
    words = _WORDS.split() + [_TWICE, _TWICE]
    return first + sum(map(pick, others)) * (scale // HUGE) + len(words) + least


def named(value):
    return value * HIGH


def call():
    return named(value=2) + total(1, 2, 3, scale=HUGE) + Thing(4, name="x").grown(5)
"""


def run(sources):
    """Execute modules of the package `a`, in this order; the names of the last."""
    modules = {"micropython": types.SimpleNamespace(const=lambda value: value)}

    def imported(name, _globals=None, _locals=None, _names=(), _level=0):
        return modules[name]

    namespace = {}
    for name, source in sources.items():
        namespace = {"__builtins__": {**vars(__import__("builtins")), "__import__": imported}}
        namespace["__name__"] = name
        exec(source, namespace)
        modules[name] = types.SimpleNamespace(**namespace)
    return namespace


@pytest.fixture(scope="module")
def texts():
    return squeezed({"a.bits": BITS, "a.user": USER})


def test_it_does_the_same(texts):
    plain = run({"a.bits": BITS, "a.user": USER})
    # What the board has: constants that nobody imports any more may be gone.
    squeezed_ = run({"a.bits": BITS, "a.user": texts["a.user"]})
    assert squeezed_["call"]() == plain["call"]()
    assert squeezed_["Thing"].kind == 16
    assert run({"a.bits": texts["a.bits"]})["shown"] == 3


def test_constants_are_numbers_and_defined_no_more(texts):
    assert "import HUGE" in texts["a.user"], "a long one is shared"
    assert "HIGH" not in texts["a.user"] and "least" not in texts["a.user"]
    assert "LOW" not in texts["a.bits"] and "_OWN" not in texts["a.bits"]
    assert "HUGE = const(" in texts["a.bits"]


def test_names_that_are_only_used_here_are_short(texts):
    tree = ast.parse(texts["a.user"])
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    arguments = {name: [a.arg for a in node.args.args] for name, node in functions.items()}
    assert len(arguments["grown"][1]) == 1 and len(arguments["twice"][0]) == 1
    assert arguments["grown"][1] != arguments["twice"][0]
    assert arguments["named"] == ["value"], "somebody passes it by name"
    assert "name" in arguments["__init__"]
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not attributes & {"_size", "_seen"} and {"_grow", "name"} <= attributes


def test_a_constant_that_is_asked_for_as_an_attribute_stays():
    asks = "from a import bits\nfound = bits.LOW\n"
    assert "LOW = const(1)" in squeezed({"a.bits": BITS, "a.asks": asks})["a.bits"]
    assert "LOW = const(1)" in squeezed({"a.bits": BITS}, callers=[asks])["a.bits"]


def test_a_name_that_means_something_else_too_is_left_alone():
    other = "from a.bits import LOW\ndef f(LOW):\n    return LOW\n"
    assert "import LOW" in squeezed({"a.bits": BITS, "a.other": other})["a.other"]


def test_what_passes_arguments_nobody_knows_keeps_their_names():
    source = "def f(size):\n    return size\ndef g(values):\n    return f(**values)\n"
    assert squeezed({"a.b": source})["a.b"] == source.rstrip().replace("\ndef", "\n\ndef")


def test_an_attribute_that_others_ask_for_keeps_its_name():
    source = "class A:\n    def __init__(self):\n        self._shared = 1\n"
    asks = "def f(a):\n    return a._shared\n"
    assert "_shared" in squeezed({"a.b": source, "a.c": asks})["a.b"]

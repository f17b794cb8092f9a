"""Gives the firmware's own names two letters, for MicroPython keeps every name for ever.

Renamed is what only the firmware's code speaks of. What the interpreter, the hardware, umqtt or
the simulator speaks of keeps its name, and so does every word of a string: the wire, the journal
and `getattr` know it by that. A traceback is short then; `readable` says what it means.
"""

import ast
import builtins
import importlib
import keyword
import re
import zlib
from collections.abc import Iterable
from itertools import count
from string import ascii_letters, digits

# {module: {short: long}}; what all modules share is under "".
Names = dict[str, dict[str, str]]

# What CPython has of these, MicroPython may have on the board, where no fake tells of it.
_TYPES = (str, bytes, bytearray, list, dict, set, tuple, int, memoryview, OSError, property)
_MODULES = (
    "_thread array asyncio binascii errno gc hashlib io json os random select socket ssl struct "
    "sys time zlib io.BytesIO socket.socket ssl.SSLContext"
)
_BY_NAME = ("getattr", "setattr", "hasattr", "delattr")
_WORD = re.compile(r"\w+")
_FRAME = re.compile(r'(File "(\w+)"(?:, line \d+)?, in )(\w+)')
_QUOTED = re.compile(r"'(\w+)'")


def shortened(
    sources: dict[str, str], callers: Iterable[str] = ()
) -> tuple[dict[str, str], Names]:
    """Sources by dotted module name to the same with short names, and what these mean. callers:
    other sources, which use these or are used by them. SyntaxError if a source is none.
    """
    trees = {name: ast.parse(source) for name, source in sources.items()}
    kept = _foreign() | _told(trees.values())
    for caller in callers:
        tree = ast.parse(caller)
        kept |= _identifiers(tree) | _words(tree)
    for name, tree in trees.items():
        kept |= set(name.split(".")) | _words(tree) | _imported(tree, trees)
    names: Names = {}
    reached = set().union(*map(_reached, trees.values()))
    for name, tree in trees.items():
        own = [n for n in _in_order(tree) if n.startswith("_") and n not in kept | reached]
        taken = _identifiers(tree)
        shorts = (short for short in _privates() if short not in taken)
        short_of = dict(zip([n for n in own if len(n) > 2], shorts, strict=False))
        names[name] = {short: long for long, short in short_of.items()}
        _Renamed(short_of).visit(tree)
    taken = kept | set().union(*map(_identifiers, trees.values()))
    short_of = {}
    for long in sorted(set().union(*map(_defined, trees.values())) - kept):
        if len(long) > 2 and not long.startswith("_"):
            short_of[long] = next(s for s in _publics(long) if s not in taken)
            taken.add(short_of[long])
    names[""] = {short: long for long, short in short_of.items()}
    return {n: ast.unparse(_Renamed(short_of).visit(tree)) for n, tree in trees.items()}, names


def spoken_to(text: str, names: Names) -> str:
    """A script or an expression that speaks to the firmware, with the names that it has now."""
    short_of = {long: short for short, long in names.get("", {}).items()}
    return ast.unparse(_Caller(short_of).visit(ast.parse(text))) if short_of else text


def readable(traceback: str, names: Names) -> str:
    """A traceback, or any line the board prints, with the names that the source has."""
    public = names.get("", {})
    own = {name.rpartition(".")[2]: longs for name, longs in names.items()}

    def frame(found: re.Match[str]) -> str:
        head, module, function = found.groups()
        return head + own.get(module, {}).get(function, public.get(function, function))

    text = _FRAME.sub(frame, traceback)
    return _QUOTED.sub(lambda found: repr(public.get(found[1], found[1])), text)


class _Renamed(ast.NodeTransformer):
    """Whatever stands for something: the same word everywhere gets the same other one."""

    def __init__(self, short_of: dict[str, str]) -> None:
        self._short_of = short_of

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "attr", "arg", "name", "asname"):
            word = getattr(node, field, None)
            if isinstance(word, str):
                setattr(node, field, self._short_of.get(word, word))
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self._short_of.get(word, word) for word in node.names]
        return super().generic_visit(node)


class _Caller(_Renamed):
    """Asks for attributes by name, too."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(func=ast.Name(id=asks), args=[_, ast.Constant(value=str(word)), *_]):
                if asks in _BY_NAME:
                    node.args[1] = ast.Constant(self._short_of.get(word, word))
        return self.generic_visit(node)


def _in_order(tree: ast.AST) -> list[str]:
    """Every word that stands for something, as the source has them."""
    words: dict[str, None] = {}
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            word = getattr(node, field, None)
            if isinstance(word, str):
                words.update(dict.fromkeys(word.split(".")))
    return list(words)


def _identifiers(tree: ast.AST) -> set[str]:
    return set(_in_order(tree))


def _words(tree: ast.AST) -> set[str]:
    """The words of its strings; docstrings have no say."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    )
    return {word for text in texts for word in _WORD.findall(text)}


def _defined(tree: ast.Module) -> set[str]:
    """Functions, classes, attributes, and what modules and classes assign."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        if isinstance(node, ast.Module | ast.ClassDef):
            targets = (part.targets for part in node.body if isinstance(part, ast.Assign))
            found |= {name.id for some in targets for name in some if isinstance(name, ast.Name)}
    return found


def _reached(tree: ast.AST) -> set[str]:
    """What it asks others for: attributes of anything but self, and what it imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id == "self"
        ):
            found.add(node.attr)
    return found


def _imported(tree: ast.AST, own: Iterable[str]) -> set[str]:
    """What it imports that is not of the firmware."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in imports if node.module not in own for alias in node.names}


def _told(trees: Iterable[ast.Module]) -> set[str]:
    """Attributes of a class that sets its own by name: it is told by its __dict__ elsewhere."""
    found = set()
    for tree in trees:
        for part in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for node in ast.walk(part):
                match node:
                    case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id="self"), *_]):
                        found |= _defined(part)  # type: ignore[arg-type]
    return found


def _foreign() -> set[str]:
    """What the interpreter gives a meaning to."""
    found = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist}
    for kind in _TYPES:
        found.update(dir(kind))
    for path in _MODULES.split():
        module, _, member = path.partition(".")
        thing = importlib.import_module(module)
        found.update(dir(getattr(thing, member) if member else thing))
    return found


def _privates() -> Iterable[str]:
    """_a, _b .. _z, _aa, _bb ..: the same ones in every module, so they are few."""
    for repeat in count(1):
        for letter in ascii_letters[:26]:
            yield "_" + letter * repeat


def _publics(long: str) -> Iterable[str]:
    """Two letters that follow from the name itself: one more name does not change the others."""
    for at in count(zlib.crc32(long.encode())):
        first, second = divmod(at % (52 * 62), 62)
        yield ascii_letters[first] + (ascii_letters + digits)[second]

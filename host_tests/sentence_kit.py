"""What the station's code says of itself, read from its source: every sentence that is raised, and
those of the functions that make sentences for others. Where a value is filled in stands {}."""

import ast
from pathlib import Path

import umeter_station

ROOT = Path(umeter_station.__file__).parent


def raised(name, makers=()):
    """{sentence: line} of the module `name`, and of its functions `makers`."""
    found = {}
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Raise) and not _is_for_programmers(node.exc):
            _collect(node.exc, found)
        elif _is_refusal(node) or (isinstance(node, ast.FunctionDef) and node.name in makers):
            _collect(ast.Module(_without_docstrings(node), []), found)
    return found


def all_texts(paths):
    """Every text of these files, sentence or not."""
    found = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            text = _text(node)
            if text is not None:
                found.setdefault(text, f"{path.name}:{node.lineno}")
    return found


def _is_for_programmers(node):
    return node is None or ast.unparse(node).startswith(("TypeError", "RuntimeError"))


def _is_refusal(node):
    return isinstance(node, ast.ClassDef) and "StationError" in map(ast.unparse, node.bases)


def _without_docstrings(node):
    return [
        part
        for each in node.body
        for part in (each.body if isinstance(each, ast.FunctionDef) else [each])
        if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
    ]


def _collect(node, found):
    """Not within an f-string: what is filled in is no sentence of its own."""
    text = _text(node)
    if text is None:
        for child in ast.iter_child_nodes(node):
            _collect(child, found)
    elif _is_sentence(text):
        found.setdefault(text, node.lineno)


def _is_sentence(text):
    return " " in text.strip() and (text[0].isupper() or text[0] == "{")


def _text(node):
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_text(side) for side in (node.left, node.right)]
        if any(sides):
            return "".join("{}" if side is None else side for side in sides).replace("{}{}", "{}")
    return None

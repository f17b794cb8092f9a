"""Takes out of the source what the board would carry in its heap for nothing.

MicroPython keeps every name it has met for ever. So integers that are constant become literals, of
whatever module, and are defined no more; arguments that nobody passes by name, and attributes that
only `self` knows, get one letter. What else has a name of its own, see squeeze_names.py.
"""

import ast
from collections.abc import Iterable
from itertools import count
from string import ascii_lowercase

_LIMIT = 1 << 30  # beyond it an integer is an object of its own, better shared
_FUNCTIONS = (ast.FunctionDef, ast.Lambda)


def squeezed(sources: dict[str, str], callers: Iterable[str] = ()) -> dict[str, str]:
    """Sources by dotted module name to what is to be compiled. Comments and line breaks are lost.
    callers: other sources, which call these. SyntaxError if a source is none.
    """
    trees = {name: ast.parse(source) for name, source in sources.items()}
    constants: dict[str, dict[str, int]] = {name: {} for name in trees}
    found = -1
    while found != (found := sum(map(len, constants.values()))):
        for name, tree in trees.items():
            constants[name] = _constants(tree, constants)
    everything = [*trees.values(), *map(ast.parse, callers)]
    by_name = {
        keyword.arg
        for tree in everything
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
    }
    known = {
        node.attr
        for tree in everything
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and not _is_own(node)
    }
    texts = {}
    for name, tree in trees.items():
        own = {key: value for key, value in constants[name].items() if key not in known}
        tree = _without_const(_Inliner(constants, own).work(tree))
        if not _passes_any(tree):
            tree = _Shortener(tree, by_name).visit(tree)
        texts[name] = ast.unparse(_Attributes(tree, known).visit(tree))
    return texts


def _passes_any(tree: ast.Module) -> bool:
    """Does it call something with **arguments, which nobody knows beforehand?"""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(keyword.arg is None for call in calls for keyword in call.keywords)


def _is_own(node: ast.Attribute) -> bool:
    """Is it self._something?"""
    return (
        node.attr.startswith("_")
        and not node.attr.startswith("__")
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _constants(tree: ast.Module, others: dict[str, dict[str, int]]) -> dict[str, int]:
    """The integers that a module defines with `const`, as far as they are known."""
    known = dict(_imported(ast.walk(tree), others))
    own = {}
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Name(id="const"), args=[expression]),
            ):
                code = compile(ast.Expression(expression), name, "eval")
                if not set(code.co_names) <= known.keys():
                    continue
                value = eval(code, {"__builtins__": {}}, known)
                if type(value) is int and abs(value) < _LIMIT:
                    own[name] = known[name] = value
    return own


def _imported(
    nodes: Iterable[ast.AST], constants: dict[str, dict[str, int]]
) -> Iterable[tuple[str, int]]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module in constants:
            for alias in node.names:
                if alias.name in constants[node.module]:
                    yield alias.asname or alias.name, constants[node.module][alias.name]


class _Inliner(ast.NodeTransformer):
    """own: the constants of the module itself that nobody asks it for as an attribute."""

    def __init__(self, constants: dict[str, dict[str, int]], own: dict[str, int]) -> None:
        self._constants = constants
        self._own = own
        self._values: dict[str, int] = {}

    def work(self, tree: ast.Module) -> ast.Module:
        self._values = dict(_imported(ast.walk(tree), self._constants))
        # A name that the module gives another meaning somewhere is left alone.
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self._values.pop(node.id, None)
            elif isinstance(node, ast.arg):
                self._values.pop(node.arg, None)
        self._values.update(self._own)
        return ast.fix_missing_locations(self.visit(tree))

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in self._own:
            return None
        self.generic_visit(node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        node.names = [
            alias
            for alias in node.names
            if node.module not in self._constants
            or alias.name not in self._constants[node.module]
            or (alias.asname or alias.name) not in self._values
        ]
        return node if node.names else None

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._values.get(node.id)
        return node if value is None else ast.Constant(value)


def _without_const(tree: ast.Module) -> ast.Module:
    """Put private constants that are used once, and are no numbers, where they are used. If
    nothing else calls const, it need not be imported.
    """
    uses: dict[str, list[ast.Name]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            uses.setdefault(node.id, []).append(node)
    body: list[ast.stmt] = []
    moved: dict[str, ast.expr] = {}
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Name(id="const"), args=[expression]),
            ) if name.startswith("_") and len(uses.get(name, ())) == 1:
                moved[name] = expression
            case _:
                body.append(node)
    tree.body = body
    tree = _Moved(moved).visit(tree)
    left = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "const")
    if next(left, None) is None:
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        for node in imports:
            node.names = [alias for alias in node.names if alias.name != "const"]
        tree.body = [node for node in tree.body if node not in imports or node.names]
    return ast.fix_missing_locations(tree)


class _Moved(ast.NodeTransformer):
    def __init__(self, moved: dict[str, ast.expr]) -> None:
        self._moved = moved

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._moved.get(node.id, node)


class _Shortener(ast.NodeTransformer):
    """by_name: arguments with such a name keep it."""

    def __init__(self, tree: ast.Module, by_name: set[str | None]) -> None:
        self._by_name = by_name | {"self"}
        self._taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        self._taken |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        self._scopes: list[dict[str, str]] = [{}]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._enter(node)
        node.body = [self.visit(statement) for statement in node.body]
        self._scopes.pop()
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self._enter(node)
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._scopes[-1].get(node.id, node.id)
        return node

    def _enter(self, node: ast.FunctionDef | ast.Lambda) -> None:
        arguments = node.args
        arguments.defaults = [self.visit(default) for default in arguments.defaults]
        outer = self._scopes[-1]
        # A name that is assigned here is another one than that of the function around.
        own = _assigned(node)
        names = {name: short for name, short in outer.items() if name not in own}
        shorts = (short for short in _shorts() if short not in self._taken | set(outer.values()))
        for argument in arguments.args + [a for a in [arguments.vararg] if a]:
            if argument.arg not in self._by_name:
                names[argument.arg] = next(shorts)
                argument.arg = names[argument.arg]
            else:
                names.pop(argument.arg, None)
        self._scopes.append(names)


class _Attributes(ast.NodeTransformer):
    """known: attributes that are asked for other than by self, anywhere."""

    def __init__(self, tree: ast.Module, known: set[str]) -> None:
        names: dict[str, None] = {}
        taken = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and _is_own(node):
                names[node.attr] = None
            elif isinstance(node, ast.ClassDef):  # methods, and what all instances share
                taken |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                taken |= _assigned_in(node.body)
        shorts = ("_" + short for short in _shorts())
        self._names = dict(zip([n for n in names if n not in known | taken], shorts, strict=False))

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        if _is_own(node):
            node.attr = self._names.get(node.attr, node.attr)
        self.generic_visit(node)
        return node


def _assigned_in(body: list[ast.stmt]) -> set[str]:
    return {
        target.id
        for statement in body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _assigned(function: ast.FunctionDef | ast.Lambda) -> set[str]:
    """Names that a function itself assigns, its nested functions left out."""
    found = set()
    body = function.body if isinstance(function.body, list) else [function.body]
    left: list[ast.AST] = list(body)
    while left:
        node = left.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if not isinstance(node, _FUNCTIONS):
            left.extend(ast.iter_child_nodes(node))
    return found


def _shorts() -> Iterable[str]:
    """a, b .. z, aa, bb .."""
    for repeat in count(1):
        for letter in ascii_lowercase:
            yield letter * repeat

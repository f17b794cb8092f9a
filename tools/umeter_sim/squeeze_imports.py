"""Imports of a neighbour say no more than its name: the package's need not lie in each file.

Only a neighbour's: from another package the path would be one more name in the heap.
"""

import ast


def relative(sources: dict[str, str]) -> dict[str, str]:
    """Sources by dotted module name, SyntaxError if one is none."""
    texts = {}
    for name, source in sources.items():
        package = name.rpartition(".")[0]
        texts[name] = ast.unparse(_Neighbours(package, sources).visit(ast.parse(source)))
    return texts


class _Neighbours(ast.NodeTransformer):
    def __init__(self, package: str, sources: dict[str, str]) -> None:
        self._package = package
        self._sources = sources

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        module = node.module or ""
        if module == self._package and module:
            node.module, node.level = None, 1
        elif module in self._sources and module.rpartition(".")[0] == self._package:
            node.module, node.level = module.rpartition(".")[2], 1
        return node

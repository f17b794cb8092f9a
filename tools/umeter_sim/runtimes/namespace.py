"""A private world of Python modules inside this process, for one power-up of one simulated board.

Modules are loaded afresh from the given folders and live in the namespace's own `modules`; the
real sys.modules never sees them. So boards do not meet, and a power cycle forgets everything, as a
chip does.
"""

import builtins
import importlib.util
import os
import sys
import traceback
import types
from pathlib import Path
from typing import Any

# What MicroPython has too. Anything else must be in the folders: firmware cannot come to rely on
# CPython.
FROM_CPYTHON = frozenset(
    ["array", "binascii", "collections", "errno", "hashlib", "io", "json", "math", "struct"]
)
_CODE: dict[tuple[str, int], types.CodeType] = {}


class Namespace:
    """folders: searched in this order. given: ready modules by name. root: the board's file
    system.
    """

    def __init__(self, folders: list[Path], given: dict[str, types.ModuleType], root: Path, say):
        self._folders = folders
        self._found: dict[str, tuple[Path, types.CodeType | None]] = {}
        self._root = root
        self.modules: dict[str, types.ModuleType] = dict(given)
        self._builtins = dict(vars(builtins))
        self._builtins["__import__"] = self._import
        self._builtins["open"] = self._open
        self._builtins["print"] = self._print
        self._say = say
        self.modules["sys"] = self._sys_module()
        self.modules["os"] = self._os_module()

    def load(self, name: str) -> types.ModuleType:
        """Import by dotted name: the module itself. ImportError if neither board nor MicroPython
        has it.
        """
        if name in self.modules:
            return self.modules[name]
        parent, _, leaf = name.rpartition(".")
        if parent:
            self.load(parent)
            if name in self.modules:  # the parent imported it meanwhile
                return self.modules[name]
        if name not in self._found:  # firmware loads some modules anew each time it needs them
            path = self._find(name)
            if path is None:
                if name in FROM_CPYTHON:
                    self.modules[name] = importlib.import_module(name)
                    return self.modules[name]
                raise ImportError(f"no module named '{name}'")
            self._found[name] = (path, _compiled(path) if path.is_file() else None)
        return self._execute(name, *self._found[name], parent, leaf)

    def _find(self, name: str) -> Path | None:
        tail = name.replace(".", "/")
        for folder in self._folders:
            for candidate in (folder / tail / "__init__.py", folder / f"{tail}.py"):
                if candidate.is_file():
                    return candidate
            if (folder / tail).is_dir():
                return folder / tail
        return None

    def _execute(
        self, name: str, path: Path, code: types.CodeType | None, parent: str, leaf: str
    ) -> types.ModuleType:
        module = types.ModuleType(name)
        module.__dict__["__builtins__"] = self._builtins
        module.__file__ = str(path)
        is_package = code is None or path.name == "__init__.py"
        if is_package:
            module.__path__ = str(path if code is None else path.parent)  # a str: MicroPython's
        module.__package__ = name if is_package else parent
        self.modules[name] = module
        try:
            if code is not None:
                exec(code, module.__dict__)
        except BaseException:
            del self.modules[name]
            raise
        if parent:
            setattr(self.modules[parent], leaf, module)
        return module

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        if level:
            package = globals["__package__"].split(".")
            name = ".".join(package[: len(package) - level + 1] + ([name] if name else []))
        module = self.load(name)
        if not fromlist:
            return self.load(name.split(".")[0])
        for item in fromlist:
            if item != "*" and not hasattr(module, item) and hasattr(module, "__path__"):
                try:
                    self.load(f"{name}.{item}")
                except ImportError:
                    pass  # the import statement says it in its own words
        return module

    def _open(self, path, mode="r", *args, **kwargs):
        return open(self._root / path, mode, *args, **kwargs)

    def _print(self, *values, sep=" ", end="\n", **_):
        self._say(sep.join(map(str, values)))

    def _sys_module(self) -> types.ModuleType:
        module = types.ModuleType("sys")
        module.modules = self.modules
        module.path = [str(folder) for folder in self._folders]
        module.platform = "esp32"
        module.stdin = None  # nobody types
        module.byteorder = "little"
        module.maxsize = (1 << 30) - 1
        module.version = sys.version
        module.implementation = sys.implementation
        module.print_exception = lambda error, *_: self._say(
            "".join(traceback.format_exception(error)).rstrip()
        )
        return module

    def _os_module(self) -> types.ModuleType:
        module = types.ModuleType("os")
        for name in ("stat", "remove", "listdir", "mkdir", "rmdir"):
            module.__dict__[name] = self._rooted(getattr(os, name))
        module.rename = lambda old, new: os.replace(self._root / old, self._root / new)
        module.sync = lambda: None
        return module

    def _rooted(self, function: Any):
        return lambda path=".": function(self._root / path)


def _compiled(path: Path) -> types.CodeType:
    key = (str(path), path.stat().st_mtime_ns)
    if key not in _CODE:
        _CODE[key] = compile(path.read_bytes(), str(path), "exec")
    return _CODE[key]

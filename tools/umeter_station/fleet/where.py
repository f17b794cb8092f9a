"""Expressions that select meters: `site=north and reading_age>15min and not board=sim8`.

A comparison is NAME OP VALUE with one of = != < <= > >= and ~ (a pattern with * and ?), or
NAME in (VALUE, ...). They are joined by and, or, not and parentheses. What a meter does not have
is `none`: it equals none and nothing else. Nothing here is evaluated by Python: an expression
becomes a small tree, or is refused with the position of what is wrong.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from umeter_station.errors import StationError
from umeter_station.fleet import names
from umeter_station.fleet.names import Name

_LONGEST = 2_000
_DEEPEST = 40
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.*-]*")
_OPERATOR = re.compile(r"!=|<=|>=|==|=|<|>|~|in\b")
_PLAIN = re.compile(r"[^\s(),\"'=<>!~]+")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_OTHER = re.compile(r"none|-?[0-9.]+")
_KEYWORDS = ("and", "or", "not", "in")
_ORDERED = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}

Look = Callable[[Name], Any]


class WhereError(StationError):
    """`at`: where in the expression, counted from 1."""

    def __init__(self, at: int, sentence: str) -> None:
        super().__init__(f"At {at}: {sentence}.")
        self.at = at


@dataclass(frozen=True)
class Compare:
    name: Name
    op: str
    values: tuple[int | str | None, ...]

    def matches(self, look: Look) -> bool:
        found = look(self.name)
        if self.name.ch == 0:  # of any channel
            return any(self._one(value) for value in found)
        return self._one(found)

    def _one(self, found: Any) -> bool:
        if self.op in ("=", "in"):
            return any(_equal(found, value) for value in self.values)
        value = self.values[0]
        if self.op == "!=":
            return not _equal(found, value)
        if self.op == "~":
            texts = found if isinstance(found, frozenset) else () if found is None else (found,)
            return any(fnmatchcase(str(text), str(value)) for text in texts)
        order = _order(found, value)
        return order is not None and order in _ORDERED[self.op]

    def names(self) -> Iterator[Name]:
        yield self.name

    def __str__(self) -> str:
        if self.op == "in":
            return f"{self.name.text} in ({', '.join(map(_shown, self.values))})"
        return f"{self.name.text}{self.op}{_shown(self.values[0])}"


@dataclass(frozen=True)
class Join:
    """All (`op` and) or any (or) of them."""

    op: str
    parts: tuple[Any, ...]

    def matches(self, look: Look) -> bool:
        judge = all if self.op == "and" else any
        return judge(part.matches(look) for part in self.parts)

    def names(self) -> Iterator[Name]:
        for part in self.parts:
            yield from part.names()

    def __str__(self) -> str:
        return f" {self.op} ".join(
            f"({part})" if isinstance(part, Join) else str(part) for part in self.parts
        )


@dataclass(frozen=True)
class Not:
    part: Any

    def matches(self, look: Look) -> bool:
        return not self.part.matches(look)

    def names(self) -> Iterator[Name]:
        return self.part.names()

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, Join) else f"not {self.part}"


Where = Compare | Join | Not


def _equal(found: Any, value: int | str | None) -> bool:
    if found is None or value is None:
        return found is value
    if isinstance(found, frozenset):
        return value in found
    if isinstance(found, list | dict):
        return json.dumps(found, separators=(",", ":")) == str(value).replace(" ", "")
    return str(found) == str(value)


def _order(found: Any, value: int | str | None) -> int | None:
    """-1, 0 or 1; None if the two have no order."""
    if isinstance(found, str) and isinstance(value, str):
        mine, other = names.version_of(found), names.version_of(value)
        if mine and other:
            return (mine > other) - (mine < other)
        return (found > value) - (found < value)
    if isinstance(found, int) and isinstance(value, int):
        return (found > value) - (found < value)
    return None


def _shown(value: int | str | None) -> str:
    if value is None:
        return "none"
    text = str(value)
    # A text that reads as something else without its quotes keeps them.
    if isinstance(value, str) and (not _PLAIN.fullmatch(text) or _OTHER.fullmatch(text)):
        return f"'{text}'" if '"' in text else f'"{text}"'
    return text


def parse(text: str) -> Where:
    """Raises WhereError."""
    if len(text) > _LONGEST:
        raise WhereError(_LONGEST, f"an expression has at most {_LONGEST} letters")
    for at, letter in enumerate(text):
        if not letter.isprintable() and not letter.isspace():
            raise WhereError(at + 1, f"{letter!r} is no letter of an expression")
    parser = _Parser(text)
    found = parser.any_of(0)
    if parser.at < len(text):
        raise parser.error(f"{text[parser.at :][:20]!r} is too much; join with and, or")
    return found


class _Parser:
    """`at`: the next that is not read yet; never a space."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._skip()

    def error(self, sentence: str, at: int | None = None) -> WhereError:
        return WhereError((self.at if at is None else at) + 1, sentence)

    def _skip(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
            self._skip()
        return found

    def _sign(self, sign: str) -> bool:
        return self._take(re.compile(re.escape(sign))) is not None

    def _keyword(self, word: str) -> bool:
        return self._take(re.compile(rf"{word}(?![A-Za-z0-9_.*-])")) is not None

    def any_of(self, depth: int) -> Where:
        return self._joined("or", self._all_of, depth)

    def _all_of(self, depth: int) -> Where:
        return self._joined("and", self._single, depth)

    def _joined(self, op: str, part: Callable[[int], Where], depth: int) -> Where:
        parts = [part(depth)]
        while self._keyword(op):
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else Join(op, tuple(parts))

    def _single(self, depth: int) -> Where:
        if depth > _DEEPEST:
            raise self.error("this is nested too deeply; write it plainer")
        if self._keyword("not"):
            return Not(self._single(depth + 1))
        begun = self.at
        if self._sign("("):
            found = self.any_of(depth + 1)
            if not self._sign(")"):
                raise self.error(f"the parenthesis of {begun + 1} is not closed")
            return found
        return self._compare()

    def _compare(self) -> Compare:
        begun = self.at
        word = self._take(_WORD)
        if word is None or word[0] in _KEYWORDS:
            raise self.error("a name is missing, as in site=north", begun)
        try:
            name = names.find(word[0])
        except ValueError as error:
            raise self.error(str(error), begun) from None
        op = self._take(_OPERATOR)
        if op is None:
            raise self.error(f"after {name.text} must come one of = != < <= > >= ~ in")
        if op[0] == "in":
            return Compare(name, "in", self._values(name))
        return Compare(name, "=" if op[0] == "==" else op[0], (self._value(name),))

    def _values(self, name: Name) -> tuple[int | str | None, ...]:
        if not self._sign("("):
            raise self.error("after in come values in parentheses, as in (A, B)")
        found = [self._value(name)]
        while self._sign(","):
            found.append(self._value(name))
        if not self._sign(")"):
            raise self.error("the values end with )")
        return tuple(found)

    def _value(self, name: Name) -> int | str | None:
        begun = self.at
        quoted = self._take(_QUOTED)
        if quoted is not None:
            return quoted[1] if quoted[1] is not None else quoted[2]
        plain = self._take(_PLAIN)
        if plain is None:
            raise self.error(f"a value for {name.text} is missing")
        try:
            return names.value(name, plain[0])
        except ValueError as error:
            raise self.error(str(error), begun) from None

"""What the station itself says (its refusals, its notes on a quote), in the reader's language.

Below the pages a sentence is finished English: `There is no receipt 7 of desk.` The file
library.po of a language knows each as it is before its values are filled in, with %(name)s where
they stand. A finished sentence is recognised by that, and said again with the values that it has:
those of a place named word_… are words of the station's own, which are said again, too; all others
are names and figures, and stay. Several sentences in one, and one with the name of its setting
before it, are said piece by piece. What nobody has written down there stays as it is.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from babel.messages.pofile import read_po

from umeter_station.web import language
from umeter_station.web.language import Language

FILE = "library.po"
_WORDS = "word_"
_BETWEEN, _AFTER = "; ", ": "
_PLACE = re.compile(r"%\((\w+)\)s")
_NAMED = re.compile(rf"([\w.]+){_AFTER}(.+)", re.DOTALL)
_PLAIN = f"(?!{_BETWEEN}|{_AFTER})."  # a letter of a name
_SURE = 30  # letters beside the names


@dataclass(frozen=True)
class Template:
    """`text` as in the file. A name takes as little of a sentence as will do, words as much.
    `loose` lets a name look like several sentences; None if too little is left to know it by."""

    text: str
    plain: re.Pattern[str]
    loose: re.Pattern[str] | None


def say(sentence: str) -> str:
    """In the language of the request that is being answered."""
    speaks = language.current()
    if not sentence or speaks.code == "en":
        return sentence
    return _said(speaks, sentence) or sentence


def _said(speaks: Language, sentence: str) -> str:
    """Empty if nobody has written it down."""
    known = speaks.gettext(sentence)
    if known != sentence:
        return known
    told = _filled(speaks, sentence, ((each.text, each.plain) for each in templates()))
    if not told and _BETWEEN in sentence:
        several = [_said(speaks, each) for each in sentence.split(_BETWEEN)]
        told = _BETWEEN.join(several) if all(several) else ""
    if not told and (named := _NAMED.fullmatch(sentence)):
        what = _said(speaks, named[2])
        told = what and speaks.gettext(named[1]) + _AFTER + what
    return told or _filled(speaks, sentence, ((each.text, each.loose) for each in templates()))


def _filled(
    speaks: Language, sentence: str, patterns: Iterable[tuple[str, re.Pattern[str] | None]]
) -> str:
    for text, pattern in patterns:
        match = pattern and pattern.fullmatch(sentence)
        told = speaks.gettext(text) if match else text
        if match and told != text:
            return told % {name: _value(name, value) for name, value in match.groupdict().items()}
    return ""


def _value(name: str, value: str) -> str:
    """Some words are several sentences, as what of a change a meter would refuse."""
    if not name.startswith(_WORDS):
        return value
    known = say(value)
    return known if known != value else _BETWEEN.join(map(say, value.split(_BETWEEN)))


@functools.cache
def templates() -> tuple[Template, ...]:
    """Those of all languages here with places, the most said first: a longer one is never taken
    for a shorter one that it begins with."""
    texts = set()
    for path in sorted(language.FOLDER.glob(f"*/{FILE}")):
        with path.open("rb") as file:
            texts |= {message.id for message in read_po(file) if _PLACE.search(message.id)}
    return tuple(_template(text) for text in sorted(texts, key=_order))


def _order(text: str) -> tuple[int, str]:
    return -_said_by(text), text


def _said_by(text: str) -> int:
    """How many letters of it are no names."""
    return len(_PLACE.sub("", text))


def _template(text: str) -> Template:
    plain, loose = (
        re.compile("".join(_pieces(text, letter)), re.DOTALL) for letter in (_PLAIN, ".")
    )
    return Template(text, plain, loose if _said_by(text) >= _SURE else None)


def _pieces(text: str, letter: str) -> Iterable[str]:
    """A name that comes again must have the same value again. `letter`: of a name."""
    seen: set[str] = set()
    for index, piece in enumerate(_PLACE.split(text)):
        if index % 2 == 0:
            yield re.escape(piece.replace("%%", "%"))
        elif piece in seen:
            yield f"(?P={piece})"
        else:
            seen.add(piece)
            yield f"(?P<{piece}>{'.*' if piece.startswith(_WORDS) else f'(?:{letter})*?'})"

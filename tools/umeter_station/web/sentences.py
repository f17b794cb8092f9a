"""What the station itself says (its refusals, its notes on a quote), in the reader's language.

Below the pages a sentence is finished English: `There is no receipt 7 of desk.` The file
library.po of a language knows each as it is before its values are filled in, with %(name)s where
they stand. A finished sentence is recognised by that, and said again with the values that it has:
those of a place named word_… are words of the station's own, which are said again, too; all others
are names and figures, and stay. What nobody has written down there stays as it is.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from babel.messages.pofile import read_po

from umeter_station.web import language

FILE = "library.po"
_WORDS = "word_"
_BETWEEN = "; "
_PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Template:
    """`text` as in the file. A name takes as little of a sentence as will do, words as much."""

    text: str
    pattern: re.Pattern[str]

    def values(self, sentence: str) -> dict[str, str] | None:
        found = self.pattern.fullmatch(sentence)
        return None if found is None else found.groupdict()


def say(sentence: str) -> str:
    """In the language of the request that is being answered."""
    speaks = language.current()
    if not sentence or speaks.code == "en":
        return sentence
    known = speaks.gettext(sentence)
    if known != sentence:
        return known
    for template in templates():
        values = template.values(sentence)
        if values is None:
            continue
        told = speaks.gettext(template.text)
        if told != template.text:
            return told % {name: _value(name, value) for name, value in values.items()}
    return sentence


def _value(name: str, value: str) -> str:
    """Some words are several sentences, as what of a change a meter would refuse."""
    if not name.startswith(_WORDS):
        return value
    return _BETWEEN.join(say(each) for each in value.split(_BETWEEN))


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
    return -len(_PLACE.sub("", text)), text


def _template(text: str) -> Template:
    return Template(text, re.compile("".join(_pieces(text)), re.DOTALL))


def _pieces(text: str) -> Iterable[str]:
    """A name that comes again must have the same value again."""
    seen: set[str] = set()
    for index, piece in enumerate(_PLACE.split(text)):
        if index % 2 == 0:
            yield re.escape(piece.replace("%%", "%"))
        elif piece in seen:
            yield f"(?P={piece})"
        else:
            seen.add(piece)
            yield f"(?P<{piece}>{'.*' if piece.startswith(_WORDS) else '.*?'})"

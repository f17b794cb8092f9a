"""Every text that a page marks is said in each language, once, with the same placeholders; and no
translation is kept of a text that no page says any more."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest
from babel.messages import extract
from babel.messages.pofile import read_po

from umeter_station.people import roles
from umeter_station.web import language, navigation, sentences, templating

WEB = Path(templating.__file__).parent
PAPERS = [WEB.parent / "desk" / name for name in ("receipts.py", "z_paper.py")]
TRANSLATED = sorted(path.name for path in language.FOLDER.iterdir() if path.is_dir())
MARKS = {"_": None, "gettext": None, "say": None, "ngettext": (1, 2)}
# As the pages write a placeholder, and as Python does; %% is a percent sign.
_PLACEHOLDER = re.compile(r"%%|%\((\w+)\)[sd]")
_JINJA = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}


def _marked():
    """{text or (one, many): where it stands first}"""
    found = {}
    for path in sorted(templating.FOLDER.rglob("*.html")):
        _collect(found, path, "jinja2.ext:babel_extract", _JINJA)
    for path in sorted(WEB.rglob("*.py")):
        _collect(found, path, "python", {})
    # What meters report, which the command line says in English.
    _collect(found, WEB.parent / "words.py", "python", {})
    for path in PAPERS:
        _collect(found, path, "python", {})
    # What is translated by what it holds, not by what it is written as.
    for role in roles.ROLES:
        found.setdefault(role, "roles.ROLES")
    return found


def _collect(found, path, method, options):
    where = path.relative_to(WEB.parent)
    with path.open("rb") as file:
        for line, text, _comments, _context in extract.extract(
            method, file, keywords=MARKS, options=options
        ):
            text = tuple(text) if isinstance(text, (list, tuple)) else text
            if text:
                found.setdefault(text, f"{where}:{line}")


@pytest.fixture(scope="module")
def marked():
    return _marked()


@pytest.fixture(scope="module", params=TRANSLATED)
def files(request):
    """{file name: catalog} of one language."""
    found = {}
    for path in sorted((language.FOLDER / request.param).glob("*.po")):
        with path.open("rb") as file:
            found[path.name] = read_po(file, request.param, abort_invalid=True)
    return found


def _entries(files):
    for name, catalog in files.items():
        for message in catalog:
            if message.id:
                yield name, message


def _key(message):
    return message.id[0] if isinstance(message.id, tuple) else message.id


def _translations(message):
    """One, or one for each of the forms that a number takes."""
    told = message.string
    return [told] if isinstance(told, str) else list(told)


def test_there_is_a_language_beside_english_and_texts_are_found(marked):
    assert "zh" in TRANSLATED and len(marked) > 300
    assert any(isinstance(text, tuple) for text in marked)


def test_every_text_is_translated(marked, files):
    said = {message.id for _name, message in _entries(files) if all(_translations(message))}
    missing = [f"{where}: {text!r}" for text, where in marked.items() if text not in said]
    assert not missing, f"{len(missing)} without a translation:\n" + "\n".join(missing)


def test_no_translation_is_of_what_nobody_says(marked, files):
    """A refusal of the station's own is said by the page as it was raised; those of library.po
    are looked after by test_web_sentences.py."""
    pages = {name: found for name, found in files.items() if name != sentences.FILE}
    stale = [(name, m.id) for name, m in _entries(pages) if m.id not in marked]
    patterns = _said_by_the_station() if stale else []
    stale = [
        f"{name}: {text!r}"
        for name, text in stale
        if not isinstance(text, str) or not any(p.fullmatch(text) for p in patterns)
    ]
    assert not stale, f"{len(stale)} that nobody says:\n" + "\n".join(stale)


def _said_by_the_station():
    """Every text in its code beside the pages, as a pattern for what is filled in."""
    found = set()
    for path in sorted(WEB.parent.rglob("*.py")):
        if WEB in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(re.escape(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else None for p in node.values]
                if any(part and len(part) > 8 for part in parts):
                    found.add("".join(".+" if p is None else re.escape(p) for p in parts))
    return [re.compile(pattern) for pattern in found if len(pattern) > 12]


def test_no_text_is_translated_twice(files):
    places = defaultdict(list)
    for name, message in _entries(files):
        places[_key(message)].append(name)
    twice = [f"{key!r}: {', '.join(names)}" for key, names in places.items() if len(names) > 1]
    assert not twice, f"{len(twice)} twice:\n" + "\n".join(twice)


def test_no_translation_is_marked_as_doubtful(files):
    assert not [f"{name}: {m.id!r}" for name, m in _entries(files) if m.fuzzy]


def test_translations_have_the_placeholders_of_their_texts(files):
    wrong = []
    for name, message in _entries(files):
        wanted = _placeholders(message.id if isinstance(message.id, str) else message.id[1])
        for told in _translations(message):
            # A language may say a number by its words alone.
            if told and _placeholders(told) - {"num"} != wanted - {"num"}:
                wrong.append(f"{name}: {message.id!r} is {told!r}")
    assert not wrong, "other placeholders:\n" + "\n".join(wrong)


def _placeholders(text):
    return {found[1] for found in _PLACEHOLDER.finditer(text) if found[1]}


def test_a_text_that_takes_values_has_no_lone_percent_sign(marked):
    """Python would stumble over it; one without values is said as it is written."""
    wrong = []
    for text, where in marked.items():
        for each in text if isinstance(text, tuple) else (text,):
            rest = _PLACEHOLDER.sub("", each)
            if "%" in rest:
                wrong.append(f"{where}: {each!r}")
    assert not wrong, "\n".join(wrong)


def test_every_call_that_marks_a_text_marks_a_literal():
    """`_(f"…")` would be looked up as what it is made into, and never be found."""
    wrong = []
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id != "_" or not node.args:
                continue
            if isinstance(node.args[0], (ast.JoinedStr, ast.BinOp)):
                wrong.append(f"{path.relative_to(WEB)}:{node.lineno}")
    assert not wrong, "\n".join(wrong)


def test_what_the_navigation_says_is_marked(marked):
    for entry in navigation.PORTAL + navigation.CONSOLE:
        assert entry.title in marked

"""The dialogue that makes a new board.json. What an answer breaks is said at once, and it is asked
again: a single answer, or those about one bus, the relays, or one channel, with what was said as
their defaults.
"""

import json
from collections.abc import Callable
from typing import Any

from umeter_deploy import board_check, board_questions
from umeter_deploy.board_kit import Kit
from umeter_deploy.board_pins import PINS
from umeter_deploy.board_questions import Question

_NONE = "none"
_PINS = ("input", "output")
_UNITS = {"uart": "uarts", "i2c": "i2cs", "spi": "spis"}
_ABOUT = {"source": ["answers to umeter board new"], "verified": False}


def ask(
    name: str, prompt: Callable[[str, str | None], str], tell: Callable[[str], None]
) -> dict[str, Any]:
    """A good board.json. prompt(words, default) gives a person's answer, never an empty one where
    the default is None; tell(sentence) says what is wrong with it. ValueError, one sentence, if
    `name` is not good or nothing can be made of the answers.
    """
    dialogue = _Dialogue(name, prompt, tell)
    dialogue.chip()
    dialogue.buses()
    dialogue.until_good(dialogue.relays)
    dialogue.channels()
    dialogue.until_good(dialogue.led)
    return _finished(dialogue.document)


def text(document: dict[str, Any]) -> str:
    """The file: a line for each key, and for each bus and channel."""
    lines = []
    for key, value in document.items():
        if key == "channels":
            inner = ["    " + json.dumps(channel) for channel in value]
            lines.append('  "channels": [\n%s\n  ]' % ",\n".join(inner))
        elif key == "buses":
            inner = ["    %s: %s" % (json.dumps(name), json.dumps(value[name])) for name in value]
            lines.append('  "buses": {\n%s\n  }' % ",\n".join(inner))
        else:
            lines.append("  %s: %s" % (json.dumps(key), json.dumps(value)))
    return "{\n%s\n}\n" % ",\n".join(lines)


def _finished(document: dict[str, Any]) -> dict[str, Any]:
    used = board_check.check(document).uses
    allowed = document.pop("allow_strapping", {})
    allowed = {gpio: why for gpio, why in allowed.items() if ("GPIO", int(gpio)) in used}
    more = {"allow_strapping": allowed} if allowed else {}
    document = {**document, **more, "about": _ABOUT}
    board_check.check(document)
    return document


class _Dialogue:
    """document: what has been answered so far; it is good as far as it goes."""

    def __init__(self, name: str, prompt: Callable, tell: Callable):
        self._prompt = prompt
        self._tell = tell
        self._said: dict[str, Any] = {}  # about this bus, these relays, this channel
        self._before: dict[str, Any] = {}  # about the channel before
        self.document: dict[str, Any] = {"name": name, "mcu": next(iter(PINS))}
        board_check.check_so_far(self.document)

    def until_good(self, step: Callable[[], None]) -> None:
        self._said = {}
        while True:
            try:
                return step()
            except ValueError as error:
                self._complain(error)

    def chip(self) -> None:
        self.document["mcu"] = self._choice("Chip", tuple(PINS), "esp32")
        kinds = tuple(PINS[self.document["mcu"]].psram)
        if kinds:
            there = (_NONE, *kinds)
            psram = self._choice("Extra RAM (WROVER: quad, S3 R8: octal)", there, _NONE)
            if psram != _NONE:
                self.document["psram"] = psram

    def buses(self) -> None:
        """A bus after another, as long as the chip has one."""
        mcu = PINS[self.document["mcu"]]
        free = {kind: list(getattr(mcu, units)) for kind, units in _UNITS.items()}
        default = "uart"
        while any(free.values()):
            there = tuple(kind for kind in free if free[kind])
            kind = self._choice("Bus of meters or relays", (*there, _NONE), default)
            if kind == _NONE:
                return
            unit = free[kind].pop(0)
            self.until_good(lambda kind=kind, unit=unit: self._bus(kind, unit))
            default = _NONE

    def relays(self) -> None:
        kind = self._choice("Relays at", tuple(board_questions.RELAYS), "gpio")
        answers = self._answers("Relays: ", board_questions.RELAYS[kind])
        if kind == "i2c":
            answers["chips"] = [{key: answers.pop(key) for key in ("chip", "address", "bits")}]
        self._take("relays", {"type": kind, **answers})

    def channels(self) -> None:
        most = board_check.check_so_far(self.document).contacts
        kinds = self._front_ends()
        count = self._ask("Channels, 1 to %d" % most, str(most), lambda text: _within(text, most))
        for i in range(count):
            self.until_good(lambda i=i: self._channel(i, kinds))
            self._before = self._said

    def led(self) -> None:
        kit = board_check.check_so_far(self.document)
        question = Question("led", "GPIO of a status LED (empty: none)", "output", optional=True)
        gpio = self._answer("", question, kit, 0)
        if gpio is not None:
            active = self._choice("Level that lights it", ("high", "low"), "high")
            self._take("led", {"pin": gpio, "active": active})

    def _bus(self, kind: str, unit: int) -> None:
        answers = self._answers("%s %d: " % (kind, unit), board_questions.BUSES[kind])
        buses = self.document.get("buses", {})
        bus = {"type": kind, "id": unit, **answers}
        self._take("buses", {**buses, "%s%d" % (kind, unit): bus})

    def _channel(self, index: int, kinds: tuple[str, ...]) -> None:
        label = "Channel %d" % (index + 1)
        before = self._before.get("frontend", kinds[0])
        kind = self._choice(label + " is measured by", kinds, before)
        if kind != before:
            self._before = {}
        questions = board_questions.FRONT_ENDS[kind]
        answers = self._answers(label + ": ", questions, index)
        self._said["frontend"] = kind
        channels = [*self.document.get("channels", []), {"frontend": kind, **answers}]
        self._take("channels", channels)

    def _front_ends(self) -> tuple[str, ...]:
        """The kinds that this board has a bus or counters for."""
        types = {bus["type"] for bus in self.document.get("buses", {}).values()}
        kinds = []
        for kind in board_questions.FRONT_ENDS:
            needs = board_check.kind("front_" + kind).BUSES
            if types & set(needs) or (not needs and PINS[self.document["mcu"]].counters):
                kinds.append(kind)
        if not kinds:
            raise ValueError("nothing can measure a channel: there is no bus, nor any counter")
        return tuple(kinds)

    def _take(self, key: str, value: Any) -> None:
        document = {**self.document, key: value}
        board_check.check_so_far(document)
        self.document = document

    def _answers(
        self, about: str, questions: tuple[Question, ...], index: int = 0
    ) -> dict[str, Any]:
        kit = board_check.check_so_far(self.document)
        answers = {}
        for question in questions:
            answer = self._answer(about, question, kit, index)
            if answer is not None:
                answers[question.key] = self._said[question.key] = answer
        return answers

    def _answer(self, about: str, question: Question, kit: Kit, index: int) -> Any:
        which = question.which
        if question.takes == "bus":
            buses = kit.document.get("buses", {})
            which = tuple(name for name in buses if buses[name]["type"] in question.which)
            if not which:
                raise ValueError("There is no bus of type %s" % " or ".join(question.which))
        default = self._default(question, which, index)
        words = about + question.words
        if question.takes in ("word", "bus"):
            return self._choice(words, which, default)
        shown = "" if default is None and question.optional else _shown(default)
        return self._ask(words, shown, lambda text: self._read(question, kit, text))

    def _default(self, question: Question, which: tuple, index: int) -> Any:
        if question.key in self._said:
            return self._said[question.key]
        if question.default == "next":
            return which[index % len(which)] if which else index + 1
        if question.key in self._before and not question.takes.startswith(_PINS):
            return self._before[question.key]
        return which[0] if question.takes == "bus" else question.default

    def _read(self, question: Question, kit: Kit, text: str) -> Any:
        """The answer as it is written to the file. ValueError says what is wrong with it."""
        if not text and question.optional:
            return None
        numbers = _numbers(text)
        if question.takes in ("input", "output", "number") and len(numbers) != 1:
            raise ValueError("%r is not one number" % text)
        if question.takes == "output pairs" and len(numbers) % 2:
            raise ValueError("That is %d GPIOs, it must be two for each relay" % len(numbers))
        if question.takes.startswith(_PINS):
            self._pins(kit, question, numbers)
        if question.takes == "output pairs":
            return [numbers[i : i + 2] for i in range(0, len(numbers), 2)]
        return numbers if question.takes in ("numbers", "outputs") else numbers[0]

    def _pins(self, kit: Kit, question: Question, gpios: list[int]) -> None:
        """Take all of them or none."""
        uses, outputs = dict(kit.uses), set(kit.outputs)
        try:
            for gpio in gpios:
                self._reason(kit, gpio)
                kit.pin(question.key, gpio, question.takes.startswith("output"))
        except ValueError:
            kit.uses, kit.outputs = uses, outputs
            raise

    def _reason(self, kit: Kit, gpio: int) -> None:
        """Why a strapping pin may be used."""
        chooses = kit.mcu.strapping.get(gpio)
        allowed = self.document.setdefault("allow_strapping", {})
        if chooses and str(gpio) not in allowed:
            words = "GPIO %d is read at reset (%s): why may it be used? (empty: another pin)"
            why = self._prompt(words % (gpio, chooses), "").strip()
            if len(why) < 10:
                raise ValueError("GPIO %d needs a reason of ten characters or more" % gpio)
            allowed[str(gpio)] = why

    def _choice(self, words: str, which: tuple, default: Any) -> str:
        return self._ask(
            "%s (%s)" % (words, ", ".join(which)), default, lambda text: _one_of(text, which)
        )

    def _ask(self, words: str, default: str | None, read: Callable[[str], Any]) -> Any:
        while True:
            try:
                return read(self._prompt(words, default).strip())
            except ValueError as error:
                self._complain(error)

    def _complain(self, error: ValueError) -> None:
        self._tell("%s." % str(error).removeprefix("board.json: "))


def _numbers(text: str) -> list[int]:
    try:
        return [int(number, 0) for number in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError("%r is not a number, nor a list of numbers" % text) from None


def _within(text: str, most: int) -> int:
    if text not in map(str, range(1, most + 1)):
        raise ValueError("%r is not a number from 1 to %d" % (text, most))
    return int(text)


def _one_of(text: str, which: tuple) -> str:
    if text not in which:
        raise ValueError("%r is none of: %s" % (text, ", ".join(which)))
    return text


def _shown(answer: Any) -> str | None:
    """An answer as a person types it."""
    if isinstance(answer, list):
        return " ".join(str(_shown(item)) for item in answer)
    return None if answer is None else str(answer)

"""What is printed at a desk, before it has a form: lines of text, and pairs at both edges."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """`kind`: pair (left and right), text (left alone), big (a pair that stands out), rule."""

    kind: str
    left: str = ""
    right: str = ""


@dataclass(frozen=True)
class Paper:
    """`mark`: what stands across it, as COPY 1 or VOID; `code`: what a machine can read, if
    anything. `lang`: the language of its words, as in lang="…"."""

    title: str
    header: tuple[str, ...] = ()
    mark: str = ""
    lines: tuple[Line, ...] = ()
    footer: tuple[str, ...] = ()
    code: str = ""
    lang: str = "en"


@dataclass
class Lines:
    """Collects lines; pairs without a value are left out."""

    found: list[Line] = field(default_factory=list)

    def pair(self, left: str, right: str | None) -> None:
        if right is not None:
            self.found.append(Line("pair", left, right))

    def big(self, left: str, right: str) -> None:
        self.found.append(Line("big", left, right))

    def text(self, text: str) -> None:
        self.found.append(Line("text", text))

    def rule(self) -> None:
        self.found.append(Line("rule"))

"""What all commands share: plain sentences, warnings and refusals on the terminal."""

import typer
from rich.console import Console

# A sentence is no markup, and is not broken into lines.
PLAIN = {"highlight": False, "markup": False, "soft_wrap": True}


def say(sentence: str) -> None:
    Console().print(sentence, **PLAIN)


def warn(sentence: str) -> None:
    Console(stderr=True).print(sentence, style="yellow", **PLAIN)


def refuse(sentence: str) -> None:
    Console(stderr=True).print(sentence, style="red", **PLAIN)


def failure(sentence: str) -> typer.Exit:
    """To be raised, once the sentence is told."""
    refuse(sentence)
    return typer.Exit(1)

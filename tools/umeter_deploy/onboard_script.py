"""The scripts of onboard/, which run at a board's prompt, and how they are spoken to."""

import ast
import json
from pathlib import Path
from typing import Any, Protocol

from umeter_deploy.link import LinkError
from umeter_sim.squeeze_names import Names, spoken_to

_FOLDER = Path(__file__).parent / "onboard"


class Prompt(Protocol):
    """A board's prompt, as link.Link."""

    def run(self, program: str) -> str: ...


class Script:
    """A script in the board's memory. names: those of the firmware that it speaks to."""

    def __init__(self, prompt: Prompt, name: str, names: Names | None = None):
        self._prompt = prompt
        self._names = names or {}
        text = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
        # Without its comments: it travels over a slow line.
        prompt.run(self._spoken(ast.unparse(ast.parse(text))))

    def run(self, statement: str) -> str:
        """What a statement prints. LinkError, one sentence, if it fails."""
        return self._prompt.run(self._spoken(statement))

    def ask(self, expression: str) -> Any:
        """The value of an expression, whatever is printed meanwhile."""
        said = self.run(f"import json\nprint('\\n' + json.dumps({expression}))")
        try:
            return json.loads(said.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise LinkError("What the board has said is garbled: try again") from None

    def _spoken(self, text: str) -> str:
        return spoken_to(text, self._names)

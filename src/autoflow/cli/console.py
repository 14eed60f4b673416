"""Where a command writes: results to standard output, everything else to standard error.

What comes from files, models and servers is made printable first: control characters and those that turn the
direction of writing are shown as escapes, so that no text can repaint the terminal it is shown on.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Shows what could act on a terminal as escapes, such as `\x1b`; line feeds and tabs stay."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """The same with all whitespace as single spaces."""
    return printable(" ".join(text.split()))


def _console(*, stderr: bool) -> Console:
    # Nothing that is printed is markup: it may have been written by a model.
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


@dataclass(frozen=True, slots=True)
class Output:
    """One command's output."""

    json: bool = False
    """Whether standard output is for machines: documents and lines of JSON, nothing else."""
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    def result(self, renderable: RenderableType) -> None:
        """Writes something to standard output, in lines as wide as the terminal."""
        self.out.print(renderable)

    def line(self, text: str | Text) -> None:
        """Writes a line to standard output, however long."""
        self.out.print(text, soft_wrap=True)

    def note(self, text: str | Text) -> None:
        """Writes a line for a person to standard error."""
        self.err.print(text, soft_wrap=True)

    def document(self, value: Any) -> None:
        """Writes a JSON document to standard output."""
        print(json.dumps(value, indent=2))

    def record(self, value: Any) -> None:
        """Writes one line of JSON to standard output, at once."""
        print(json.dumps(value), flush=True)


def escape_unencodable() -> None:
    """Lets a terminal that cannot show a character show its escape, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")

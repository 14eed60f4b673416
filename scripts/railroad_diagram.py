"""Draws the syntax of workflows as a railroad diagram into `docs/`: `python -m scripts.railroad_diagram`.

The drawing is committed. `--check` fails when it is not what this script draws, and is part of `make lint`; a
test walks the tracks and has the parser read what they spell. The drawing has a background of its own, so
that it can be read on light and on dark pages.

Left out: what a field may hold, which is told in words beside the drawing.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Final

import railroad
from railroad import Choice, Diagram, NonTerminal, OneOrMore, Optional, Sequence, Stack, Terminal

from autoflow.language import StepType

ROOT = Path(__file__).resolve().parent.parent
DRAWING = ROOT / "docs" / "language.svg"

LINE_FEED: Final = "line feed"
"""What stands in the diagram for the end of a line; the other literals spell themselves."""

_STYLE: Final = """
  rect.background { fill: #ffffff; }
  path { stroke: #57606a; stroke-width: 2; fill: none; }
  text { font: 14px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; fill: #1f2328; }
  g.terminal rect { stroke: #9a6700; stroke-width: 2; fill: #fff8c5; }
  g.non-terminal rect { stroke: #0969da; stroke-width: 2; fill: #ddf4ff; }
"""


def diagram() -> Diagram:
    """Returns the tracks: literals are terminals, fields are non-terminals by their names."""
    step = Sequence(
        NonTerminal("name"),
        Terminal(":::"),
        Choice(0, *(Terminal(kind.value) for kind in StepType)),
        Terminal(":::"),
        Optional(NonTerminal("instruction")),
    )
    branch = Sequence(NonTerminal("label"), Terminal("::"), NonTerminal("target"))
    branches = Optional(Sequence(Terminal(":::"), OneOrMore(branch, Terminal("::"))))
    return Diagram(OneOrMore(Stack(step, Sequence(branches, Terminal(LINE_FEED)))), type="complex")


def drawn() -> str:
    """Returns the drawing as SVG."""
    tracks = diagram()
    tracks.format(20)
    background = railroad.DiagramItem(
        "rect", {"class": "background", "width": "100%", "height": "100%", "rx": 6}
    )
    tracks.children.insert(0, background)
    svg = io.StringIO()
    tracks.writeStandalone(svg.write, _STYLE)
    return f"{svg.getvalue()}\n"


def is_stale(drawing: Path) -> bool:
    """Returns whether a file is not what this script draws."""
    return not drawing.is_file() or drawing.read_text() != drawn()


def main() -> None:
    """Writes the drawing, or with `--check` compares it with the committed one."""
    parser = argparse.ArgumentParser(description="Draws the syntax of workflows.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the drawing is stale")
    check: bool = parser.parse_args().check

    if not check:
        DRAWING.write_text(drawn())
    elif is_stale(DRAWING):
        sys.exit(f"stale, run `python -m scripts.railroad_diagram`: {DRAWING.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

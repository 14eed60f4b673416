"""Parts steps that stand in a row on one line.

A step begins where a name stands before a separator and a type: `Step 2`, or what follows a semicolon. Names
of other words, which nothing parts from the target before them, are left as they are. Every pattern here
takes linear time.
"""

from __future__ import annotations

import re
from typing import Final

from autoflow.language.fields import BRANCH_SEPARATOR, FIELD_SEPARATOR
from autoflow.language.repair.words import QUOTES

_TYPE: Final = r"[*`]{0,3}(?:process|decision|terminal)[*`]{0,3}"
_STARTS = re.compile(
    # The number of a target is no list marker: `Step 2. Step 3:::terminal`.
    r"(?:(?<!step )(?:\(?\b\d{1,4}[.)]|[-*•]) {1,4})?[*`]{0,3}(?:\b|(?<=\\n))step {0,4}\d{1,4}[*`]{0,3}"
    rf"(?: {{0,4}}(?P<by>:{{2,3}}|\|) {{0,4}}{_TYPE} {{0,4}}(?P=by)"
    rf"| {{1,4}}(?P<bracket>[(\[]){_TYPE}[)\]][*`]{{0,3}}:)"
    rf"|(?<=;)(?P<name>[^;:|]{{1,60}}) {{0,4}}(?P<colons>:::) {{0,4}}{_TYPE} {{0,4}}:::",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"[^;:|]{{1,60}}::: {{0,4}}{_TYPE} {{0,4}}:::", re.IGNORECASE)
_NAME = re.compile(r"[:|([]")
"""What ends a name."""
_JOINTS: Final = " \t;,|/"
_ARROWS: Final = ("->", "=>", "→", "⇒", "\\n")
_LINE_FEED: Final = "\\n"
_FEWEST_SEPARATORS: Final = 3
"""Of a line whose line feeds are written as two characters; one step has as many."""


def parted(line: str) -> list[str]:
    """Returns the steps of a line, each by itself, or the line alone."""
    if _LINE_FEED in line and line.count(FIELD_SEPARATOR) >= _FEWEST_SEPARATORS:
        # They may stand in quotes, as a text of a program.
        return line.strip().strip(QUOTES).split(_LINE_FEED)
    plain = line.strip().strip(QUOTES) if line.strip()[:1] in {*QUOTES} else line
    starts = list(_STARTS.finditer(plain))
    if len({found["by"] or found["colons"] or found["bracket"] for found in starts}) != 1:
        return [line]
    places = [found.start() for found in starts]
    if _FIRST.match(plain, 0, places[0]):
        places.insert(0, 0)
    if len(places) < 2:
        return [line]
    pieces = [plain[: places[0]]]
    for start, end in zip(places, [*places[1:], len(plain)], strict=True):
        if pieces[-1].rstrip().endswith((BRANCH_SEPARATOR, " to")):
            # The target of this step is the name of the next.
            pieces[-1] += _NAME.split(plain[start:end], 1)[0]
        pieces.append(plain[start:end])
    return [text for piece in pieces if (text := _without_joint(piece))]


def _without_joint(text: str) -> str:
    """Without what leads on to the following step."""
    text = text.strip(_JOINTS)
    for arrow in _ARROWS:
        text = text.removesuffix(arrow)
    return text.rstrip(_JOINTS)

"""Where a plan's tools find their inputs.

What there is at a step is a row of contents. A tool takes, for each of its inputs in their order, the first
content of that type; its output takes the place of the first one taken. So a question that stands after its
text is still the second input after the text was repaired.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from autoflow.suites import ContentType, Tool

_TYPE_NAMES = {ContentType.IMAGE: "an image", ContentType.TEXT: "a text"}
_T = TypeVar("_T")


def type_problem(plan: Sequence[Tool], inputs: Sequence[ContentType], output: ContentType) -> str:
    """Why a plan's types do not fit; empty where they do."""
    there = list(inputs)
    for number, tool in enumerate(plan, start=1):
        places = places_of(tool, there)
        if places is None:
            return f"step {number}, {tool.name}, takes {_words(tool.inputs)}, and there is {_words(there)}"
        there = replaced(there, places, tool.output)
    if there != [output]:
        return f"the plan ends with {_words(there)}, and {_words([output])} is wanted"
    return ""


def places_of(tool: Tool, there: Sequence[ContentType]) -> list[int] | None:
    """Where a tool's inputs lie, in the order of its inputs; None where one is missing."""
    places: list[int] = []
    for kind in tool.inputs:
        free = (at for at, other in enumerate(there) if other is kind and at not in places)
        at = next(free, None)
        if at is None:
            return None
        places.append(at)
    return places


def replaced(row: Sequence[_T], places: Sequence[int], output: _T) -> list[_T]:
    """The row without what was taken, and with the output in the place of the first that was."""
    first = min(places)
    return [output if at == first else item for at, item in enumerate(row) if at == first or at not in places]


def _words(kinds: Sequence[ContentType]) -> str:
    return " and ".join(_TYPE_NAMES[kind] for kind in kinds)

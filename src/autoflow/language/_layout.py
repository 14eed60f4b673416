"""First stage of the parser: finds the lines that are steps in what a language model wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from autoflow.language.diagnostics import Findings, quoted
from autoflow.language.fields import FIELD_SEPARATOR, UNREPRESENTABLE, plain_name
from autoflow.language.model import StepType

_LINE_BREAK = re.compile("\r\n|\n|\r")
_FENCE: Final = "```"
STEP_TYPES: Final[Mapping[str, StepType]] = {type_.value: type_ for type_ in StepType}


class Line(NamedTuple):
    """A line that is neither blank nor a code fence."""

    number: int
    """Line of the source text, from 1."""
    column: int
    """Where ``text`` begins in that line, from 1."""
    text: str
    """The line without surrounding whitespace and fences."""
    fenced: bool
    """Whether the line is within a code fence."""
    certain: bool
    """The second field is a type: nothing but a step looks like this."""
    possible: bool
    """Three fields or more: a step, or an explanation of the format."""


def read_type(text: str) -> StepType | None:
    """Returns the step type that a field names in any case and emphasis, or None."""
    return STEP_TYPES.get(text) or STEP_TYPES.get(plain_name(text).casefold())


def step_lines(text: str, findings: Findings) -> list[Line]:
    """Returns the lines that are steps, or meant as such, and reports all that it passes over."""
    lines = _content_lines(text, findings)
    fenced_steps = any(line.certain and line.fenced for line in lines)
    # Outside the fence that holds the workflow, `name:::type:::instruction` explains the format.
    steps = [line for line in lines if line.certain or (line.possible and (line.fenced or not fenced_steps))]
    if not steps:
        message = "No line of the text is a step."
        findings.add("no-steps", 0, 0, message, "Write lines of the form name:::type:::instruction.")
        return []
    numbers = {line.number for line in steps}
    for line in lines:
        if line.number not in numbers:
            fragment = FIELD_SEPARATOR in line.text and (line.fenced or not fenced_steps)
            _report_text(line, steps, findings, fragment=fragment)
    return steps


def _report_text(line: Line, steps: Sequence[Line], findings: Findings, *, fragment: bool) -> None:
    """Reports a line that is no step; around the steps it is chatter, unless it is a fragment of a step."""
    if line.number < steps[0].number and not fragment:
        message = "Text before the first step is left out."
        findings.tally("leading-text", line.number, line.column, message)
    elif line.number > steps[-1].number and not fragment:
        message = "Text after the last step is left out."
        findings.tally("trailing-text", line.number, line.column, message)
    else:
        message = f"{quoted(line.text)} is not a step and is left out."
        fix = "Make it a name:::type:::instruction line of its own, or delete it."
        findings.add("not-a-step", line.number, line.column, message, fix)


def _content_lines(text: str, findings: Findings) -> list[Line]:
    """Splits the text into lines without blank lines and code fences."""
    lines: list[Line] = []
    fenced = False
    for number, raw in enumerate(_split(text, findings), start=1):
        content = _representable(raw, number, findings)
        stripped = content.strip()
        if not stripped:
            findings.tally("blank-line", number, 1, "A blank line is left out.")
            continue
        if stripped != content and FIELD_SEPARATOR in stripped:
            findings.tally("surrounding-whitespace", number, 1, "Whitespace around a line is left out.")
        was_fenced = fenced
        inner, fenced = _without_fence(stripped, fenced)
        if inner != stripped:
            findings.tally("code-fence", number, content.index(stripped) + 1, "A code fence is left out.")
        if inner:
            lines.append(_classified(number, content.index(inner) + 1, inner, was_fenced or fenced))
    return lines


def _without_fence(text: str, fenced: bool) -> tuple[str, bool]:
    """Returns the line without a fence at its ends, and whether a fence is open behind it."""
    if text.startswith(_FENCE) and FIELD_SEPARATOR not in text:
        return "", not fenced
    if text.startswith(_FENCE) and not fenced:
        text, fenced = text.removeprefix(_FENCE), True
    if text.endswith(_FENCE) and fenced:
        text, fenced = text.removesuffix(_FENCE), False
    return text.strip(), fenced


def _classified(number: int, column: int, text: str, fenced: bool) -> Line:
    fields = text.split(FIELD_SEPARATOR, 2)
    certain = len(fields) > 1 and read_type(fields[1]) is not None
    return Line(number, column, text, fenced, certain=certain, possible=len(fields) > 2)


def _split(text: str, findings: Findings) -> list[str]:
    carriage_return = text.find("\r")
    lines = _LINE_BREAK.split(text)
    if carriage_return >= 0:
        number = len(_LINE_BREAK.findall(text, 0, carriage_return)) + 1
        findings.tally("line-ending", number, 1, "Lines end with a carriage return.")
    # The last line feed ends a line; it does not begin a blank one.
    return lines if lines[-1] else lines[:-1]


def _representable(line: str, number: int, findings: Findings) -> str:
    found = UNREPRESENTABLE.search(line)
    if found is None:
        return line
    message = f"The character U+{ord(found.group()):04X} is read as a space."
    findings.tally("unrepresentable-character", number, found.start() + 1, message)
    return UNREPRESENTABLE.sub(" ", line)

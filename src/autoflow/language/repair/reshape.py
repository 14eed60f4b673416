"""First stage of a repair: writes what models write instead of steps as lines that the parser reads.

A flowchart is read where no steps are written beside it. A document, such as JSON, is read as a whole; else
each line by itself, and lines that are parts of one step are joined; else fields that stand on lines of their
own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.fields import BRANCH_SEPARATOR, name_key, plain_name
from autoflow.language.repair.calls import calls_as_json
from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.diagrams import steps_of_chart
from autoflow.language.repair.documents import read_document
from autoflow.language.repair.flowcharts import find_flowchart, read_flowchart
from autoflow.language.repair.joining import joined
from autoflow.language.repair.lines import LineReader, is_step, split_branches, step_name
from autoflow.language.repair.markup import read_markup
from autoflow.language.repair.records import read_records
from autoflow.language.repair.source import (
    LINE_BREAK,
    SourceLine,
    lines_around,
    source_lines,
    without_thinking,
)

_ONLY_A_NAME = re.compile(r"step {0,4}\d{1,4} {0,4}:{0,3}", re.IGNORECASE)
_FEWEST_STEPS: Final = 2
"""A single `Step 1: Plan` is as well a remark as a step."""


def reshape(text: str, changes: Changes) -> list[SourceLine]:
    """Returns the lines to parse, each with its place in the source; tells what it changed.

    Raises:
        Refusal: A document or a flowchart cannot be read, or is one of several.
    """
    text = LINE_BREAK.sub("\n", without_thinking(text, changes))
    return _drawn(text, changes) or _written(text, changes)


def _drawn(text: str, changes: Changes) -> list[SourceLine] | None:
    """Returns the lines of a text with the steps of its flowchart, or None if it has none or other steps."""
    chart = find_flowchart(text)
    if chart is None:
        return None
    drawing: Refusal | None = None
    try:
        read_flowchart(text, chart)
    except Refusal as refusal:
        drawing = refusal
    part = slice(chart.start, chart.end)
    rest = text[: part.start] + "\n" * text.count("\n", part.start, part.stop) + text[part.stop :]
    if _names(_written(rest, Changes())):
        # The drawing explains steps that are written as well.
        return None
    if drawing is not None:
        raise drawing
    further = find_flowchart(text[part.stop :])
    if further is not None:
        line = text.count("\n", 0, part.stop + further.start) + 1
        raise Refusal("duplicate-step", line, "A second flowchart begins here.")
    steps = steps_of_chart(text, chart, changes)
    around = lines_around(text, part)
    before = sum(line.number <= chart.line for line in around)
    return [*around[:before], *steps, *around[before:]] if steps else None


def _written(text: str, changes: Changes) -> list[SourceLine]:
    source = _read_document(text, changes) or source_lines(text, changes)
    lines = _read_lines(source, changes)
    if not _names(lines):
        lines = read_records(source, changes) or lines
    lines = _with_untyped(lines, changes)
    lines = joined(_without_cut(lines, changes), changes)
    # The last line feed ends a line; it does not begin a blank one.
    return lines if lines[-1].text else lines[:-1]


def _read_document(text: str, changes: Changes) -> list[SourceLine] | None:
    calls = calls_as_json(text)
    read = read_document(calls, changes, "calls of functions") if calls else None
    return read or read_document(text, changes) or read_markup(text, changes)


class _Steps:
    """What the lines that are steps for certain say about the other lines."""

    def __init__(self, lines: list[SourceLine]) -> None:
        places = [i for i, line in enumerate(lines) if is_step(line.text)]
        self._first, self._last = (places[0], places[-1]) if places else (-1, len(lines))
        self._targets = {
            name_key(plain_name(target))
            for i in places
            for target in split_branches(lines[i].text)[1].split(BRANCH_SEPARATOR)[1::2]
        }
        self.names = _names(lines)
        self._heads = {_head(name) for name in self.names if _head(name)}

    def are_around(self, place: int) -> bool:
        """Whether a line stands among them; where there are none, every line does."""
        return self._first < place < self._last

    def admit(self, place: int, line: SourceLine, read: str) -> bool:
        """Whether a line that can be read as a step is meant as one.

        Above and below the steps stand explanations: of a step that is declared, or of the form.
        """
        if line.outside:
            return False
        name = name_key(step_name(read))
        return self.are_around(place) or (
            name not in self.names and (name in self._targets or _head(name) in self._heads)
        )

    def admit_untyped(self, place: int, line: SourceLine, read: str) -> bool:
        """Whether a line such as `Step 1: Plan` is meant as a step, and is no remark on one."""
        name = name_key(step_name(read))
        return (
            not line.outside and name not in self.names and (self.are_around(place) or name in self._targets)
        )


def _head(name: str) -> str:
    """Returns what stands before the number of a name; the empty text if it has none."""
    head, _, number = name.rpartition(" ")
    return head if number.isdecimal() else ""


def _read_lines(source: list[SourceLine], changes: Changes) -> list[SourceLine]:
    """Reads each line, if it is meant as a step."""
    fenced = [line for line in source if line.fenced]
    if any(is_step(LineReader(line, 1, Changes()).read()) for line in fenced):
        # What stands outside the fence explains it.
        source = [replace(line, outside=not (line.fenced or line.is_fence)) for line in source]
    steps = _Steps(source)
    last = max((i for i, line in enumerate(source) if line.text.strip() and not line.is_fence), default=-1)
    lines: list[SourceLine] = []
    position = 1
    for i, line in enumerate(source):
        told = Changes()
        read = LineReader(line, position, told, last=i == last).read()
        if is_step(line.text) or not is_step(read) or (not line.outside and steps.admit(i, line, read)):
            changes.take(told)
            position += is_step(read)
            # Indentation tells whether a line goes on with the one above.
            lines.append(line if read == line.text.strip() else replace(line, text=read))
        else:
            lines.append(line)
    return lines


def _with_untyped(lines: list[SourceLine], changes: Changes) -> list[SourceLine]:
    """Reads lines such as `Step 1: Plan`, where nothing else declares that step."""
    steps = _Steps(lines)
    told = Changes()
    read: list[SourceLine] = []
    for i, line in enumerate(lines):
        trial = Changes()
        text = line.text if is_step(line.text) or line.outside else LineReader(line, 1, trial).read_untyped()
        if is_step(text) and not is_step(line.text) and steps.admit_untyped(i, line, text):
            told.take(trial)
            line = replace(line, text=text)
        read.append(line)
    if len(_names(read)) < _FEWEST_STEPS:
        return lines
    changes.take(told)
    return read


def _without_cut(lines: list[SourceLine], changes: Changes) -> list[SourceLine]:
    """Leaves out a last line that is cut off behind its name; a branch to it may still declare it."""
    filled = [i for i, line in enumerate(lines) if line.text.strip() and not line.is_fence]
    if len(filled) < _FEWEST_STEPS or not _ONLY_A_NAME.fullmatch(lines[filled[-1]].text.strip()):
        return lines
    last = lines[filled[-1]]
    if not is_step(lines[filled[-2]].text):
        return lines
    changes.add("removed-line", last.number, f"{quoted(last.text)} is cut off and left out.")
    return [*lines[: filled[-1]], *lines[filled[-1] + 1 :]]


def _names(lines: list[SourceLine]) -> set[str]:
    return {name_key(step_name(line.text)) for line in lines if is_step(line.text)}

"""Finds the steps in objects with fields, such as those of JSON, XML and calls of functions."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from autoflow.language._layout import read_type
from autoflow.language.diagnostics import quoted
from autoflow.language.fields import name_key
from autoflow.language.model import NEXT_LABEL, StepType
from autoflow.language.repair.branches import Pairs, is_label, read_branches
from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.keyed import (
    BRANCHES,
    INSTRUCTION,
    LABEL,
    NAME,
    SOURCE,
    TARGET,
    TYPE,
    KeyedStep,
    key_kind,
    key_label,
)
from autoflow.language.repair.lines import can_be_read, is_step
from autoflow.language.repair.source import LINE_BREAK, SourceLine, lines_around
from autoflow.language.repair.values import Object, parted, tell_cut
from autoflow.language.repair.words import read_type_word


def steps_of(value: Any, first: int, changes: Changes, *, lone_texts: bool = True) -> list[SourceLine]:
    """Returns the lines of the list of steps, or of the text, that a value holds; none if there are none.

    Args:
        value: Objects, lists and texts.
        first: Line of the source text where it begins, from 1; texts are placed there.
        changes: Where it is told what was added or read.
        lone_texts: Whether a text that is no part of a list is read.

    Raises:
        Refusal: There are several lists of steps.
    """
    search = _Search(first, lone_texts)
    search.read(value)
    # Lists of tools have names and descriptions as well, but neither types nor branches.
    certain = [steps for steps in search.lists if any(map(_is_certain, steps))] or search.lists
    if len(certain) > 1:
        at = certain[1][0]
        line = first if isinstance(at, str) else at.line
        raise Refusal("duplicate-step", line, "A second list of steps begins here.")
    steps = certain[0] if certain else []
    _join(search.edges, {name_key(step.name): step for step in steps if isinstance(step, KeyedStep)})
    return [
        SourceLine(first, step) if isinstance(step, str) else step.source_line(i, changes)
        for i, step in enumerate(steps, start=1)
    ]


def cut_steps_of(value: Any, changes: Changes) -> list[SourceLine]:
    """Returns the lines of the whole steps of a document that the end of the text cuts off.

    Each has to say where it leads: branches that stand apart may be what is missing.

    Args:
        value: Objects, lists and texts.
        changes: Where it is told what was left out, added or read.

    Returns:
        The lines; none if the end cuts off something else than steps, or what stands behind them.
    """
    lists: list[tuple[list[KeyedStep], Any, bool]] = []
    within = deque([(value, False)])
    while within:
        value, is_last = within.popleft()
        whole, part = parted(value)
        if steps := _keyed_steps(whole):
            lists.append((steps, part, is_last or part is not None))
        elif isinstance(value, list):
            within += ((each, is_last) for each in value)
        elif isinstance(value, Object) and not (value.cut and _is_cut_step(value)):
            is_last = is_last or (value.cut and part is None)
            within += ((each, is_last) for each in value.values.values())
    certain = [found for found in lists if any(map(_is_certain, found[0]))]
    if len(certain) != 1:
        return []
    ((steps, part, is_last),) = certain
    if not is_last or not all(step.branches or _ends(step) for step in steps):
        return []
    tell_cut(part, changes)
    return [step.source_line(i, changes) for i, step in enumerate(steps, start=1)]


def _ends(step: KeyedStep) -> bool:
    return bool(step.type) and read_type_word(step.type) is StepType.TERMINAL


def _is_cut_step(value: Object) -> bool:
    """Whether an object is itself a step; what is within it are no steps then."""
    kinds = {key_kind(key, TYPE, BRANCHES): each for key, each in value.values.items()}
    type_ = kinds.get(TYPE)
    return BRANCHES in kinds or (isinstance(type_, str) and read_type_word(type_) is not None)


class _Search:
    """Finds the lists of steps, or of lines of which some are steps, that a value holds, and the edges.

    Args:
        line: Where the value begins.
        lone_texts: Whether a text that is no part of a list is read.
    """

    def __init__(self, line: int, lone_texts: bool) -> None:
        self.lists: list[Sequence[str | KeyedStep]] = []
        self.edges: list[Object] = []
        """Branches that stand apart from their steps."""
        self._line = line
        self._lone_texts = lone_texts

    def read(self, value: Any) -> None:
        """Searches a value, what is outside first."""
        within = deque([value])
        while within:
            value = within.popleft()
            if edges := _edges(value):
                self.edges += edges
            elif steps := _keyed_steps(value) or _texts(value) or _rows(value, self._line):
                self.lists.append(steps)
            elif isinstance(value, list | Object):
                inner = value if isinstance(value, list) else value.values.values()
                within += (each for each in inner if self._lone_texts or not isinstance(each, str))


def _edges(value: Any) -> list[Object]:
    """Returns the objects of a list, if each of them says from where it leads to where."""
    edges = [each for _, each in _maps(value)] if isinstance(value, list) else []
    kinds = ({key_kind(key, SOURCE, TARGET) for key in edge.values} for edge in edges)
    return edges if all({SOURCE, TARGET} <= each for each in kinds) else []


def _join(edges: list[Object], steps: dict[str, KeyedStep]) -> None:
    """Gives steps the branches that stand apart from them.

    Raises:
        Refusal: One leads from no step.
    """
    for edge in edges:
        kinds = {key_kind(key, SOURCE, LABEL, TARGET): str(each) for key, each in edge.values.items()}
        step = steps.get(name_key(kinds[SOURCE]))
        if step is None and steps:
            raise Refusal("unknown-target", edge.line, f"{quoted(kinds[SOURCE])} is no step to lead on from.")
        if step is not None:
            step.branches.append((kinds.get(LABEL) or NEXT_LABEL, kinds[TARGET]))


def _keyed_steps(value: Any) -> list[KeyedStep]:
    maps = _maps(value)
    steps = [step for name, each in maps if (step := _step(each, name)) is not None]
    if not steps or len(steps) < len(maps):
        return []
    key = _name_field(steps, [each for _, each in maps])
    return [step for name, each in maps if (step := _step(each, name, key)) is not None]


def _is_certain(step: str | KeyedStep) -> bool:
    return isinstance(step, str) or bool(step.type or step.branches)


def placed(
    text: str, part: slice, steps: list[SourceLine], message: str, changes: Changes
) -> list[SourceLine] | None:
    """Returns the lines of a text with steps in the place of the part that holds them.

    Args:
        text: The text.
        part: Where the part begins and ends.
        steps: Its steps; none if there are none.
        message: What was read.
        changes: Where that is told.

    Returns:
        The lines; None if there are no steps, or further ones around the part.
    """
    around = lines_around(text, part)
    if not steps or any(is_step(line.text) for line in around):
        return None
    changes.add("read-document", steps[0].number, message)
    # Lines keep their places; of several in one place the order is that of the steps.
    return sorted([*around, *steps], key=lambda line: line.number)


def _texts(value: Any) -> list[str]:
    """Returns the lines of a text of which some are steps, or of a list of texts that can all be read so."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return []
    lines = [line for text in texts for line in LINE_BREAK.split(text)]
    if any(is_step(line) for line in lines):
        return lines
    lines = [line for line in lines if line.strip()]
    return lines if isinstance(value, list) and len(lines) > 1 and all(map(can_be_read, lines)) else []


def _rows(value: Any, line: int) -> list[KeyedStep]:
    """Returns the steps of a list of lists, each of a name, a type, an instruction and branches in turn."""
    rows = [_row(row, line) for row in value] if isinstance(value, list) else []
    steps = [step for step in rows if step is not None]
    return steps if len(steps) == len(rows) else []


def _row(value: Any, line: int) -> KeyedStep | None:
    if not isinstance(value, list) or len(value) not in {3, 4}:
        return None
    name, type_, instruction = value[:3]
    branches = _branches(value[3] if len(value) == 4 else None)
    texts = all(isinstance(each, str) for each in value[:3])
    if not texts or branches is None or read_type(type_) is None:
        return None
    return KeyedStep(line, name, type_, instruction, branches)


def _maps(value: Any) -> list[tuple[str, Object]]:
    """Returns the objects of a list, or of an object by their names, if it holds nothing else."""
    if isinstance(value, Object):
        pairs = list(value.values.items())
    else:
        pairs = [("", each) for each in value] if isinstance(value, list) else []
    return pairs if all(isinstance(each, Object) for _, each in pairs) else []


def _step(value: Object, name: str, name_field: str = "") -> KeyedStep | None:
    """Reads an object as a step; None if it has neither a type nor an instruction, or holds objects.

    Args:
        value: The object.
        name: What it is called from outside.
        name_field: Key of its name; by default the first key that means one.
    """
    step = KeyedStep(value.line, name)
    for key, each in value.values.items():
        kind = key_kind(key, NAME, TYPE, INSTRUCTION, BRANCHES)
        label = key_label(key)
        read: Pairs | None = []
        if label and isinstance(each, str | int):
            read = [(label, str(each))]
        elif kind == BRANCHES:
            read = _branches(each)
        elif isinstance(each, list) and any(isinstance(item, Object) for item in each):
            read = None
        elif kind and isinstance(each, str | int) and not getattr(step, kind):
            if kind != NAME or key == (name_field or key):
                setattr(step, kind, str(each))
            else:
                step.unread.append(key)
        elif each not in (None, "", []):
            step.unread.append(key)
        if read is None:
            return None
        step.branches += read
    if not step.instruction and LABEL in step.unread:
        # Of a node in a graph.
        step.unread.remove(LABEL)
        step.instruction = str(value.values[LABEL])
    return step if step.type or (step.name and step.instruction) else None


def _branches(value: Any) -> Pairs | None:
    """Reads branches as a text, a number, a list or an object; None if they cannot be read."""
    if value is None or value == "":
        return []
    if isinstance(value, str | int):
        return read_branches(str(value)) or None
    if isinstance(value, Object):
        kinds = {key_kind(key, LABEL, TARGET): each for key, each in value.values.items()}
        if TARGET in kinds and set(kinds) <= {LABEL, TARGET}:
            return [(str(kinds.get(LABEL, NEXT_LABEL)), str(kinds[TARGET]))]
        pairs = [(key_label(key) or key, each) for key, each in value.values.items()]
        return (
            [(key, str(each)) for key, each in pairs]
            if all(isinstance(each, str | int) for _, each in pairs)
            else None
        )
    if len(value) == 2 and all(isinstance(each, str) for each in value) and is_label(value[0]):
        return [(value[0], value[1])]
    read = [_branches(each) for each in value]
    return None if None in read else [pair for pairs in read if pairs for pair in pairs]


def _name_field(steps: list[KeyedStep], objects: list[Object]) -> str:
    """Where objects have a number and a name, returns the key of those that the branches lead to."""
    targets = {name_key(target) for step in steps for _, target in step.branches}
    for key in objects[0].values:
        names = {name_key(str(each.values.get(key))) for each in objects}
        if key_kind(key, NAME) and targets <= names:
            return key
    return ""

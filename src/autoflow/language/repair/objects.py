"""Finds the steps in objects with fields, such as those of JSON, XML and calls of functions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from autoflow.language.fields import name_key
from autoflow.language.repair.branches import Pairs, read_branches
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.keyed import (
    BRANCHES,
    INSTRUCTION,
    LABEL,
    NAME,
    TARGET,
    TYPE,
    KeyedStep,
    key_kind,
    key_label,
)
from autoflow.language.repair.lines import can_be_read, is_step
from autoflow.language.repair.source import LINE_BREAK, SourceLine


@dataclass(frozen=True, slots=True)
class Object:
    """An object, and where it is."""

    line: int
    """Where it begins in the text, from 1."""
    values: dict[str, Any]
    """Texts, numbers, lists and further objects by their keys."""


def steps_of(value: Any, first: int, changes: Changes) -> list[SourceLine]:
    """Returns the lines of the first list of steps, or text, that a value holds."""
    within = deque([value])
    while within:
        value = within.popleft()
        texts = _texts(value)
        if texts:
            return [SourceLine(first, text) for text in texts]
        maps = _maps(value)
        steps = [step for name, each in maps if (step := _step(each, name)) is not None]
        if steps and len(steps) == len(maps):
            key = _name_field(steps, [each for _, each in maps])
            steps = [step for name, each in maps if (step := _step(each, name, key)) is not None]
            return [step.source_line(i, changes) for i, step in enumerate(steps, start=1)]
        within += (
            value.values.values() if isinstance(value, Object) else value if isinstance(value, list) else ()
        )
    return []


def _texts(value: Any) -> list[str]:
    """Returns the lines of a text of which some are steps, or of a list of texts that can be read as steps."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return []
    lines = [line for text in texts for line in LINE_BREAK.split(text)]
    if any(is_step(line) for line in lines):
        return lines
    stated = isinstance(value, list) and len(value) > 1 and all(can_be_read(text) for text in value)
    return lines if stated else []


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
    return step if step.type or (step.name and step.instruction) else None


def _branches(value: Any) -> Pairs | None:
    """Reads branches as a text, a number, a list or an object; None if they cannot be read."""
    if value is None or value == "":
        return []
    if isinstance(value, str | int):
        return read_branches(str(value)) or None
    if isinstance(value, Object):
        kinds = {key_kind(key, LABEL, TARGET): each for key, each in value.values.items()}
        if set(kinds) == {LABEL, TARGET}:
            return [(str(kinds[LABEL]), str(kinds[TARGET]))]
        pairs = [(key_label(key) or key, each) for key, each in value.values.items()]
        return (
            [(key, str(each)) for key, each in pairs]
            if all(isinstance(each, str | int) for _, each in pairs)
            else None
        )
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

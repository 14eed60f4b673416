"""Reads steps whose fields stand on lines of their own, as in YAML or in Markdown lists below headings.

It goes by the keys and not by the indentation, which models get wrong; so it is no reader of YAML, and a
`yes` stays a `yes`.
"""

from __future__ import annotations

import re
from typing import Final

from autoflow.language.fields import name_prefix
from autoflow.language.repair.branches import means_target, read_branches
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
from autoflow.language.repair.source import SourceLine

_KEYED = re.compile(
    r"[\"'*`]{0,3}(?P<key>[^\W\d_][\w .-]{0,30}?)[\"'*`]{0,3} ?(?::|=)(?!:)[*`]{0,2}(?: +(?P<value>.*)|\Z)"
)
_HEADING = re.compile(
    r"[*\"'`]{0,2}(?P<name>step[ _]?\d{1,4})[*\"'`]{0,2} ?(?:\((?P<type>[a-z]{3,12})\))?"
    r"[*:.]{0,3}(?: +(?P<title>.*))?",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*'),? *(?:#.*)?")
"""A value in quotes, with a comment behind it or not."""
_BLOCKS: Final = frozenset({"|", ">", "|-", ">-"})
_FEWEST_FIELDS: Final = 3
"""Of a text that is read as records."""


def read_records(lines: list[SourceLine], changes: Changes) -> list[SourceLine] | None:
    """Returns the lines with the steps in the place of their fields, or None if there are none."""
    reader = _Reader()
    rest = [line for line in lines if not reader.read(line)]
    steps = [step for step in reader.steps if step.type or step.instruction or step.branches]
    if reader.fields < _FEWEST_FIELDS or not any(step.type for step in steps):
        return None
    changes.add("read-document", steps[0].line, "The steps are read from fields on lines of their own.")
    read = [step.source_line(i, changes) for i, step in enumerate(steps, start=1)]
    return sorted([*rest, *read], key=lambda line: line.number)


class _Reader:
    """Takes line after line; each belongs to the step that began last."""

    def __init__(self) -> None:
        self.steps: list[KeyedStep] = []
        self.fields = 0
        self._in = ""
        """The field whose value may go on in the next line."""
        self._label = ""
        """A label whose target is still to come."""

    def read(self, line: SourceLine) -> bool:
        """Takes a line, and says whether it is a part of a step."""
        text = line.text.strip()
        text = text.removeprefix(name_prefix(text)).strip()
        if not text or line.is_fence:
            # A blank line ends an instruction.
            self._in = "" if self._in == INSTRUCTION else self._in
            return False
        heading = _HEADING.fullmatch(text)
        if heading and (self._in != BRANCHES or text[-1] in ":*" or line.text.lstrip().startswith("#")):
            self._begin(
                KeyedStep(line.number, heading["name"].replace("_", " "), heading["type"] or ""),
                heading["title"],
            )
            return True
        found = _KEYED.match(text)
        if found:
            return self._keyed(line.number, found["key"], _plain(found["value"] or ""))
        return self._unkeyed(text)

    def _begin(self, step: KeyedStep, title: str | None = None) -> None:
        step.instruction = (title or "").strip("* ")
        self.steps.append(step)
        self._in = NAME

    def _keyed(self, number: int, key: str, value: str) -> bool:
        step = self.steps[-1] if self.steps else None
        kind = key_kind(key, LABEL, TARGET) if self._in == BRANCHES else None
        kind = kind or key_kind(key, NAME, TYPE, INSTRUCTION, BRANCHES)
        label = key_label(key)
        if kind is None and label is None and not (self._in == BRANCHES and means_target(value)):
            return False
        self.fields += 1
        if kind == NAME or (step is None and kind is not None):
            step = KeyedStep(number)
            self._begin(step)
        if step is None:
            return False
        if label is not None or kind is None:
            step.branches.append((label or key, value))
        elif kind == LABEL:
            self._label = key_label(value) or value
        elif kind == TARGET:
            step.branches.append((self._label or "next", value))
            self._label = ""
        elif kind == BRANCHES:
            self._in = BRANCHES if not value else NAME
            return not value or value in {"[]", "{}", "null", "~", "-"} or step.add_branches(value)
        else:
            setattr(step, kind, "" if value in _BLOCKS else value)
            self._in = kind
        return True

    def _unkeyed(self, text: str) -> bool:
        if not self.steps:
            return False
        if self._in == BRANCHES:
            pairs = read_branches(text, means_target)
            self.steps[-1].branches += pairs
            return bool(pairs)
        if self._in == INSTRUCTION:
            self.steps[-1].instruction = f"{self.steps[-1].instruction} {text}".strip()
            return True
        return False


def _plain(value: str) -> str:
    """Returns a value without its quotes, and without the comment behind them."""
    quoted = _QUOTED.fullmatch(value.strip())
    return (quoted[1] if quoted else value).strip().strip("*`,").strip("\"'")

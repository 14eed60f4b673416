"""Steps whose fields have keys, as in JSON, YAML and Markdown: what the keys mean, and the step's line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.model import NEXT_LABEL, StepType
from autoflow.language.repair.branches import Pairs, is_half, read_branches, usual_label
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.lines import written
from autoflow.language.repair.source import SourceLine
from autoflow.language.repair.words import read_type_word

NAME: Final = "name"
TYPE: Final = "type"
INSTRUCTION: Final = "instruction"
BRANCHES: Final = "branches"
LABEL: Final = "label"
SOURCE: Final = "source"
TARGET: Final = "target"

_WORDS: Final = {
    NAME: "name step id stepname stepid stepnumber node nodeid number",
    TYPE: "type kind steptype nodetype",
    INSTRUCTION: "instruction instructions description text content action task prompt question title",
    BRANCHES: "branches branch next nextstep nextsteps transitions transition edges edge goto outcomes "
    "options then",
    LABEL: "label condition if when case answer outcome on",
    SOURCE: "source from",
    TARGET: "target to goto next nextstep then step destination",
}
_KINDS: Final = {kind: frozenset(words.split()) for kind, words in _WORDS.items()}
_LABEL_PREFIX = re.compile(r"(?:if|on|when|next if)[ _]", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,4}")


def key_kind(key: str, *kinds: str) -> str | None:
    """Returns which of some kinds of field a key means, or None."""
    word = "".join(char for char in key.casefold() if char.isalnum())
    return next((kind for kind in kinds if word in _KINDS[kind]), None)


def key_label(key: str) -> str | None:
    """Returns the label that a key such as `Yes`, `if_no` or `on_true` means, or None."""
    label = _LABEL_PREFIX.sub("", key.strip(), count=1)
    return usual_label(label) if is_half(label) else None


@dataclass(slots=True)
class KeyedStep:
    """A step as far as its fields were read."""

    line: int
    """Line of the source text where it begins, from 1."""
    name: str = ""
    type: str = ""
    instruction: str = ""
    branches: Pairs = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Keys of fields that mean nothing to a step."""

    def add_branches(self, value: str) -> bool:
        """Adds the branches that a value tells, and says whether it told any."""
        read = read_branches(value) or ([(NEXT_LABEL, value)] if value.strip() else [])
        self.branches += read
        return bool(read)

    def source_line(self, position: int, changes: Changes) -> SourceLine:
        """Returns the line of the step.

        Args:
            position: Of the step among the steps, from 1.
            changes: Where it is told what was added or read.
        """
        if self.unread:
            keys = ", ".join(map(quoted, self.unread))
            changes.add("removed-field", self.line, f"The step's {keys} is left out.")
        number = _NUMBER.fullmatch(self.name.strip())
        name = f"Step {number[0]}" if number else self.name
        if not name:
            name = f"Step {position}"
            changes.add("added-name", self.line, f"The step is named {quoted(name)} by its place.")
        type_: StepType | None = read_type_word(self.type) if self.type else None
        if type_ is None:
            type_ = (StepType.PROCESS, StepType.DECISION)[len(self.branches) > 1]
            what, code = (
                (f"The type {quoted(self.type)}", "read-type") if self.type else (quoted(name), "added-type")
            )
            changes.add(code, self.line, f"{what} is read as a {type_} by its branches.")
        return SourceLine(self.line, written(name, type_, self.instruction, self.branches))

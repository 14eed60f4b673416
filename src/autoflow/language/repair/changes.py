"""What a repair may change: the stable codes, and the list of the changes that were made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from autoflow.language.diagnostics import CODES, CodeInfo, Diagnostic, Severity, bounded

_WARNING, _INFO = Severity.WARNING, Severity.INFO

REPAIRS: Final[Mapping[str, CodeInfo]] = MappingProxyType(
    {
        "read-separators": CodeInfo(
            _INFO, "Separators read", "Other separators than `:::` and `::` are read as these."
        ),
        "read-quotes": CodeInfo(
            _INFO, "Quotes read", "Quotes and brackets around a line or a field are left out."
        ),
        "read-prose": CodeInfo(
            _WARNING, "Prose read", "A step is read from a line such as `Step 1 (process): … -> Step 2`."
        ),
        "read-branches": CodeInfo(
            _WARNING, "Branches read", "Branches are read from arrows, lists or lines of their own."
        ),
        "read-document": CodeInfo(
            _WARNING,
            "Document read",
            "Steps are read from JSON, XML or calls of functions, or from fields on lines of their own.",
        ),
        "read-diagram": CodeInfo(
            _WARNING, "Diagram read", "Steps are read from the shapes and arrows of a Mermaid flowchart."
        ),
        "read-type": CodeInfo(_WARNING, "Type read", "Another word for a type, or a misspelt one, is read."),
        "removed-thinking": CodeInfo(
            _WARNING, "Thinking removed", "What stands in `<think>` tags is left out."
        ),
        "removed-draft": CodeInfo(
            _WARNING,
            "Draft removed",
            "A draft, or a step, is left out, for a later one is announced as better; its lines are named.",
        ),
        "removed-line": CodeInfo(
            _WARNING, "Line removed", "A line among the steps that is none is left out."
        ),
        "joined-line": CodeInfo(
            _WARNING, "Lines joined", "A step that runs over several lines is written on one."
        ),
        "split-line": CodeInfo(
            _WARNING, "Line split", "Several steps on one line are given lines of their own."
        ),
        "removed-character": CodeInfo(
            _INFO, "Character removed", "Characters that cannot be seen are left out."
        ),
        "removed-markup": CodeInfo(
            _INFO, "Markup removed", "Tags, the quotes of a program's text and numbers of lines are left out."
        ),
        "removed-field": CodeInfo(
            _WARNING, "Field removed", "A field of a document that a step does not have is left out."
        ),
        "added-type": CodeInfo(_WARNING, "Type added", "A step without a type has the one of its branches."),
        "added-name": CodeInfo(_WARNING, "Name added", "A step without a name is named by its place."),
        "swapped-fields": CodeInfo(
            _WARNING, "Fields swapped", "A type that stands before the name is put behind it."
        ),
        "renamed-step": CodeInfo(
            _WARNING,
            "Step renamed",
            "The second step of a name is named by its place; branches keep the first.",
        ),
        "removed-step": CodeInfo(
            _WARNING,
            "Step removed",
            "A step that repeats another, that no path leads to, that only says `Start`, or that is cut off, "
            "is left out.",
        ),
        "retyped-step": CodeInfo(
            _WARNING, "Step retyped", "The type is changed to the one that the branches have."
        ),
        "moved-step": CodeInfo(
            _WARNING, "Step moved", "Steps that no path would reach are put in the order of their numbers."
        ),
        "added-instruction": CodeInfo(
            _WARNING, "Instruction added", "A step without an instruction is told what its name or type says."
        ),
        "added-step": CodeInfo(
            _WARNING,
            "Step added",
            "The terminal step that a branch leads to, but nothing declares, is added.",
        ),
        "added-branch": CodeInfo(
            _WARNING, "Branch added", "A process without a branch goes to the following step."
        ),
        "removed-branch": CodeInfo(
            _WARNING,
            "Branch removed",
            "A branch behind a terminal step, or one that repeats another, is left out.",
        ),
        "relabelled-branch": CodeInfo(
            _WARNING, "Branch relabelled", "A label is changed to `next`, or to the other of its pair."
        ),
        "retargeted-branch": CodeInfo(
            _WARNING,
            "Branch retargeted",
            "A target that no step declares is read as the only step it can mean.",
        ),
    }
)
"""Every change there is besides what the parser forgives; ``docs/language.md`` lists them for readers."""


class Changes:
    """Collects what was changed."""

    def __init__(self) -> None:
        self._made: list[Diagnostic] = []
        self.cut_line = 0
        """Line of the source text where the document that was read is cut off, from 1; 0 if none is."""

    def add(self, code: str, line: int, message: str) -> None:
        """Adds a change.

        Args:
            code: A key of ``REPAIRS``.
            line: Line of the source text, from 1.
            message: What was changed into what, in one sentence.
        """
        self._made.append(Diagnostic(REPAIRS[code].severity, code, line, 1, message, ""))

    def take(self, others: Changes) -> None:
        """Adds the changes of another list, made on trial."""
        self._made += others._made
        self.cut_line = self.cut_line or others.cut_line

    def keep(self, forgiven: Iterable[Diagnostic]) -> None:
        """Adds what the parser forgave."""
        self._made += forgiven

    def made(self, others: Iterable[Diagnostic] = ()) -> tuple[Diagnostic, ...]:
        """Returns the changes and the others, by line and column, a bounded number of them."""
        return bounded((*self._made, *others))


class Refusal(Exception):
    """A text that cannot be mended, found before its steps are read."""

    def __init__(self, code: str, line: int, message: str) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(CODES[code].severity, code, line, 1, message, "")

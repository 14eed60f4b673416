"""Reads the CoRE language as language models write it.

``parse`` accepts code fences, explanations around the workflow, list markers, stray separators and the like,
and says with a diagnostic what it had to forgive. What it cannot forgive it reports as an error and still
returns what it could read, so that the rest can be linted, shown and repaired. It never raises, and takes
time linear in the text.

Left out: sentences that run over several lines, and separators other than colons. Both are errors, since
guessing there would change programs silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoflow.language._layout import STEP_TYPES, Line, read_type, step_lines
from autoflow.language.diagnostics import Diagnostic, Findings, quoted
from autoflow.language.fields import (
    BRANCH_SEPARATOR,
    FIELD_SEPARATOR,
    declared_names,
    name_prefix,
    plain_field,
    plain_name,
    resolve_target,
)
from autoflow.language.model import NEXT_LABEL, Branch, Step, StepType, Workflow

_SEPARATORS = re.compile("(:{2,})")
_FORM = "Write name:::type:::instruction:::label::target."


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text says."""

    workflow: Workflow | None
    """The workflow as far as it could be read; None if no line is a step."""
    diagnostics: tuple[Diagnostic, ...]
    """What was forgiven (warning, info) and what was not (error), by line."""
    lines: tuple[int, ...]
    """For each step of the workflow its line in the text, from 1."""


def parse(text: str) -> Parsed:
    """Reads a workflow; see the module for what is forgiven.

    Args:
        text: Anything at all.

    Returns:
        The workflow, if there is a step, and the diagnostics. The linter's checks are not made.
    """
    canonical = _canonical(text)
    if canonical is not None:
        return Parsed(canonical, (), tuple(range(1, len(canonical.steps) + 1)))
    findings = Findings()
    read = (_LineReader(line, findings).read() for line in step_lines(text, findings))
    drafts = [draft for draft in read if draft is not None]
    declared = declared_names(tuple(draft.name for draft in drafts))
    steps = tuple(_resolved(draft, declared, findings) for draft in drafts)
    lines = tuple(draft.line for draft in drafts)
    return Parsed(Workflow(steps) if steps else None, findings.diagnostics(), lines)


def _canonical(text: str) -> Workflow | None:
    """Returns the workflow whose canonical text this is, with nothing to forgive; None for any other text.

    It says nothing that the reading below would not say; it only says it in half the time. Whatever it
    accepts is canonical: it splits at separators alone and drops nothing, and the values refuse all that
    could not be told apart again.
    """
    # The last line feed may be missing; nobody remarks on that.
    lines = text.removesuffix("\n").split("\n")
    try:
        return Workflow(tuple([_canonical_step(line) for line in lines]))
    except ValueError:
        return None


def _canonical_step(line: str) -> Step:
    name, type_, instruction, *rest = line.split(FIELD_SEPARATOR, 3)
    if type_ not in STEP_TYPES:
        raise ValueError(f"{type_!r} is not a step type")
    tokens = rest[0].split(BRANCH_SEPARATOR) if rest else []
    branches = tuple([Branch(*branch) for branch in zip(tokens[::2], tokens[1::2], strict=True)])
    return Step(name, STEP_TYPES[type_], instruction, branches)


@dataclass(slots=True)
class _Draft:
    """A step whose targets are not yet resolved, for they may be declared further down."""

    line: int
    name: str
    type: StepType
    instruction: str
    branch_column: int
    branches: list[tuple[str, str]] = field(default_factory=list)
    bare_target: str = ""
    """The only word of the branch field, which has no label."""


class _LineReader:
    """Reads the fields of one line."""

    def __init__(self, line: Line, findings: Findings) -> None:
        self._findings = findings
        self._line = line.number
        text = _without_emphasis(line.text)
        # A step line has two fields at least; the branches are the fourth, whatever they contain.
        self._name_text, self._type_text, *self._body = text.split(FIELD_SEPARATOR, 3)
        self._name_column = line.column
        self._type_column = self._name_column + len(self._name_text) + len(FIELD_SEPARATOR)
        self._body_column = self._type_column + len(self._type_text) + len(FIELD_SEPARATOR)

    def read(self) -> _Draft | None:
        """Returns the step, or None if it has no name."""
        name = self._name(self._name_text, self._name_column)
        if not name:
            self._add("missing-field", self._name_column, "The step has no name.", _FORM)
            return None
        type_ = self._type()
        instruction, branches, column = self._split_body(type_)
        instruction = self._field(instruction, self._body_column)
        tokens = self._tokens(branches, column)
        if type_ is None:
            type_ = _type_by_branches((len(tokens) + 1) // 2)
        draft = _Draft(self._line, name, type_, instruction, column)
        self._pair(tokens, draft)
        return draft

    def _type(self) -> StepType | None:
        text = plain_field(self._type_text)
        type_ = read_type(text)
        if type_ is None:
            code = "unknown-type" if text else "missing-field"
            message = f"{quoted(text)} is not a step type."
            self._add(code, self._type_column, message, "Write process, decision or terminal.")
        elif text != type_:
            self._tally("type-spelling", self._type_column, f"A type is read as {type_}.")
        else:
            self._field(self._type_text, self._type_column)
        return type_

    def _split_body(self, type_: StepType | None) -> tuple[str, str | None, int]:
        """Returns the instruction, the branch field if there is one, and its column."""
        if not self._body:
            self._add("missing-field", self._type_column, "The step has no instruction.", _FORM)
            return "", None, self._body_column
        instruction, *rest = self._body
        column = self._body_column + len(instruction) + len(FIELD_SEPARATOR)
        if rest or BRANCH_SEPARATOR not in instruction or type_ is StepType.TERMINAL:
            return instruction, rest[0] if rest else None, column
        instruction, _, branches = instruction.partition(BRANCH_SEPARATOR)
        column = self._body_column + len(instruction) + len(BRANCH_SEPARATOR)
        self._add("wrong-separator", column, "`::` is read as `:::`: the branches begin here.", _FORM)
        return instruction, branches, column

    def _tokens(self, text: str | None, column: int) -> list[str]:
        """Returns labels and targets in turn; an empty one only between two others."""
        if text is None:
            return []
        pieces = _SEPARATORS.split(text)
        tokens = [self._field(piece, column) for piece in pieces[::2]]
        filled = [i for i, token in enumerate(tokens) if token]
        first, end = (filled[0], filled[-1] + 1) if filled else (0, 0)
        if end - first < len(tokens):
            self._tally("trailing-separator", column, "A separator around the branches is left out.")
        inner = pieces[1::2][first : max(end - 1, 0)]
        if any(len(separator) > len(BRANCH_SEPARATOR) for separator in inner):
            self._add("extra-separator", column, "`:::` among the branches is read as `::`.")
        return tokens[first:end]

    def _pair(self, tokens: list[str], draft: _Draft) -> None:
        column = draft.branch_column
        if len(tokens) == 1 and draft.type is not StepType.DECISION and tokens[0].casefold() != NEXT_LABEL:
            draft.bare_target = self._name(tokens[0], column)
            return
        targets = [self._name(token, column) for token in tokens[1::2]]
        pairs = zip(tokens[::2], targets, strict=False)
        draft.branches = [(label, target) for label, target in pairs if label and target]
        if 2 * len(draft.branches) < len(tokens):
            message = f"The branches of {quoted(draft.name)} are not pairs of a label and a target."
            self._add("bad-branches", column, message, "Write label::target::label::target.")

    def _name(self, text: str, column: int) -> str:
        name = plain_name(text)
        if name == plain_field(text):
            return self._field(text, column)
        self._tally("name-markup", column, "Markup around a name is left out.")
        return name

    def _field(self, text: str, column: int) -> str:
        plain = plain_field(text)
        if plain == text:
            return plain
        stripped = text.strip()
        if stripped != text:
            self._tally("surrounding-whitespace", column, "Whitespace around a field is left out.")
        if plain != stripped:
            self._add("colons", column, f"Surplus colons in {quoted(stripped)} are left out.")
        return plain

    def _add(self, code: str, column: int, message: str, fix: str = "") -> None:
        self._findings.add(code, self._line, column, message, fix)

    def _tally(self, code: str, column: int, message: str) -> None:
        self._findings.tally(code, self._line, column, message)


def _without_emphasis(line: str) -> str:
    """Returns the line without the end of an emphasis that encloses all of it."""
    head = line.partition(FIELD_SEPARATOR)[0]
    prefix = name_prefix(head)
    opens = "**" in prefix or "`" in prefix
    return line.rstrip("*` \t") if opens and not head.rstrip().endswith(("*", "`")) else line


def _type_by_branches(count: int) -> StepType:
    return (StepType.TERMINAL, StepType.PROCESS, StepType.DECISION)[min(count, 2)]


def _resolved(draft: _Draft, declared: Mapping[str, str], findings: Findings) -> Step:
    """Returns the step with its targets in the declared spelling."""
    pairs = draft.branches or _bare_branch(draft, declared, findings)
    branches: list[Branch] = []
    for label, target in pairs:
        meant = resolve_target(target, declared)
        if meant not in (None, target):
            message = f"{quoted(target)} is read as {quoted(meant)}."
            findings.add("target-spelling", draft.line, draft.branch_column, message)
        branches.append(Branch(label, meant or target))
    return Step(draft.name, draft.type, draft.instruction, tuple(branches))


def _bare_branch(draft: _Draft, declared: Mapping[str, str], findings: Findings) -> list[tuple[str, str]]:
    target = draft.bare_target
    if not target:
        return []
    if draft.type is StepType.TERMINAL and resolve_target(target, declared) is None:
        message = f"{quoted(target)} behind a terminal step names no step and is left out."
        findings.add("vacuous-branch", draft.line, draft.branch_column, message, "End the line before it.")
        return []
    message = f"{quoted(target)} is read as the target of {quoted(NEXT_LABEL)}."
    findings.add("bare-target", draft.line, draft.branch_column, message)
    return [(NEXT_LABEL, target)]

"""Checks that a workflow is sound: that every path through it can be taken and can end.

Not checked: whether the instructions make sense, or solve a task. Only execution tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autoflow.language.diagnostics import Diagnostic, Findings, Severity, bounded, quoted
from autoflow.language.fields import name_key
from autoflow.language.graph import Graph
from autoflow.language.model import NEXT_LABEL, Step, StepType, Workflow
from autoflow.language.parser import parse


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest workflow that is accepted; each limit is inclusive, lengths are in characters."""

    max_text_chars: int = 100_000
    """Of the source text, explanations included, and of the canonical text."""
    max_steps: int = 64
    max_branches: int = 16
    """Of one step."""
    max_name_chars: int = 100
    max_label_chars: int = 200
    max_instruction_chars: int = 4000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text says, and whether it can be executed."""

    workflow: Workflow | None
    """The workflow as far as it could be read; to be executed only if ``ok``."""
    diagnostics: tuple[Diagnostic, ...]
    """Findings of the parser and the linter, by line."""

    @property
    def ok(self) -> bool:
        """Whether there is a workflow without an error."""
        return self.workflow is not None and not any(
            found.severity is Severity.ERROR for found in self.diagnostics
        )


def check(text: str, limits: Limits = DEFAULT_LIMITS) -> Checked:
    """Parses and lints a text.

    Args:
        text: Anything at all. Longer than the limit, it is not parsed.
        limits: The largest workflow to accept.

    Returns:
        The workflow, if there is a step, with all findings at their lines of the text.
    """
    if len(text) > limits.max_text_chars:
        findings = Findings()
        message = f"The text has {len(text)} characters; the limit is {limits.max_text_chars}."
        findings.add("text-too-long", 0, 0, message, "Shorten the instructions.")
        return Checked(None, findings.diagnostics())
    parsed = parse(text)
    if parsed.workflow is None:
        return Checked(None, parsed.diagnostics)
    linted = lint(parsed.workflow, parsed.lines, limits)
    return Checked(parsed.workflow, bounded((*parsed.diagnostics, *linted)))


def lint(
    workflow: Workflow, lines: Sequence[int] = (), limits: Limits = DEFAULT_LIMITS
) -> tuple[Diagnostic, ...]:
    """Checks a workflow.

    Args:
        workflow: The workflow.
        lines: For each step its line in the source text (``Parsed.lines``); by default the line of the
            canonical text.
        limits: The largest workflow to accept.

    Returns:
        What is wrong, by line; empty for a sound workflow.
    """
    return _Linter(workflow, lines or range(1, len(workflow.steps) + 1), limits).run()


class _Linter:
    def __init__(self, workflow: Workflow, lines: Sequence[int], limits: Limits) -> None:
        self._workflow = workflow
        self._lines = lines
        self._limits = limits
        self._first = frozenset(workflow.index.values())
        """The steps whose names no earlier step has."""
        self._open_ended: list[int] = []
        """The steps that might lead anywhere once a fault of their own is mended."""
        self._findings = Findings()

    def run(self) -> tuple[Diagnostic, ...]:
        self._check_size()
        for i, step in enumerate(self._workflow.steps):
            if i not in self._first:
                message = f"The name {quoted(step.name)} is taken by an earlier step."
                self._add("duplicate-step", i, message, "Give the step a name of its own.")
            if not step.instruction or step.question == "":
                what = "no instruction" if not step.instruction else "nothing to ask"
                message = f"{quoted(step.name)} has {what}."
                self._add("empty-instruction", i, message, "Say what is to be done.")
            self._check_lengths(i, step)
            self._check_number_of_branches(i, step)
            if step.type is not StepType.TERMINAL:
                self._check_branches(i, step)
        self._check_flow()
        return self._findings.diagnostics()

    def _add(self, code: str, index: int, message: str, fix: str) -> None:
        self._findings.add(code, self._lines[index], 1, message, fix)

    def _check_size(self) -> None:
        limits, steps = self._limits, len(self._workflow.steps)
        if steps > limits.max_steps:
            message = f"The workflow has {steps} steps; the limit is {limits.max_steps}."
            self._findings.add("too-many-steps", 0, 0, message, "Join steps, or split the workflow.")
        chars = len(self._workflow.text)
        if chars > limits.max_text_chars:
            message = f"The workflow has {chars} characters; the limit is {limits.max_text_chars}."
            self._findings.add("text-too-long", 0, 0, message, "Shorten the instructions.")

    def _check_lengths(self, index: int, step: Step) -> None:
        limits, branches = self._limits, step.branches
        if len(step.name) > limits.max_name_chars:
            self._too_long(index, "name", len(step.name), limits.max_name_chars)
        if len(step.instruction) > limits.max_instruction_chars:
            self._too_long(index, "instruction", len(step.instruction), limits.max_instruction_chars)
        longest = max([len(branch.label) for branch in branches], default=0)
        if longest > limits.max_label_chars:
            self._too_long(index, "label", longest, limits.max_label_chars)
        if len(branches) > limits.max_branches:
            message = f"{quoted(step.name)} has {len(branches)} branches; the limit is {limits.max_branches}."
            self._add("too-many-branches", index, message, "Decide in several steps.")

    def _too_long(self, index: int, what: str, length: int, limit: int) -> None:
        name = self._workflow.steps[index].name
        message = f"A {what} of {quoted(name)} has {length} characters; the limit is {limit}."
        self._add("too-long", index, message, f"Shorten the {what}.")

    def _check_number_of_branches(self, index: int, step: Step) -> None:
        count, name = len(step.branches), step.name
        if step.type is StepType.TERMINAL:
            if count:
                fix = "Remove the branches, or make it a process step."
                self._add("terminal-branches", index, f"{quoted(name)} is terminal, yet has branches.", fix)
        elif step.type is StepType.DECISION:
            if count < 2:
                fix = "Add a branch, or make it a process step."
                message = f"{quoted(name)} is a decision with {count} branches."
                self._add("too-few-branches", index, message, fix)
        elif count > 1:
            fix = "Keep one branch, or make it a decision."
            self._add("several-branches", index, f"{quoted(name)} is a process with {count} branches.", fix)
        elif not count or name_key(step.branches[0].label) != NEXT_LABEL:
            fix = "End the line with :::next::target."
            self._add("missing-next", index, f"{quoted(name)} has no branch 'next'.", fix)

    def _check_branches(self, index: int, step: Step) -> None:
        labels: set[str] = set()
        unknown = 0
        for branch in step.branches:
            label = name_key(branch.label)
            if label in labels:
                message = f"{quoted(step.name)} has two branches labelled {quoted(branch.label)}."
                self._add("duplicate-label", index, message, "Give each branch a label of its own.")
            labels.add(label)
            if name_key(branch.target) not in self._workflow.index:
                unknown += 1
                message = f"{quoted(step.name)} leads to {quoted(branch.target)}, which is not declared."
                self._add("unknown-target", index, message, "Declare the step, or lead to a declared one.")
        if unknown or not step.branches:
            self._open_ended.append(index)
        if step.type is StepType.DECISION and len(step.branches) > 1:
            self._check_choice(index, step)

    def _check_choice(self, index: int, step: Step) -> None:
        if len({name_key(branch.target) for branch in step.branches}) == 1:
            message = f"All branches of {quoted(step.name)} lead to {quoted(step.branches[0].target)}."
            self._add("idle-decision", index, message, "Lead them apart, or make it a process step.")

    def _check_flow(self) -> None:
        graph, steps = Graph.of(self._workflow), self._workflow.steps
        reachable = graph.reachable()
        for i, step in enumerate(steps):
            # A duplicate is unreachable by its name; one finding says enough.
            if i not in reachable and i in self._first:
                message = f"No path leads from {quoted(steps[0].name)} to {quoted(step.name)}."
                self._add("unreachable-step", i, message, "Lead a branch to it, or delete it.")
        if not graph.terminals:
            message = "No step is terminal, so the workflow cannot end."
            self._findings.add("no-terminal", 0, 0, message, "Add a terminal step and a way to it.")
            return
        # What only steps with a fault of their own separate from the end is not reported again.
        stuck = reachable - graph.coreachable((*graph.terminals, *self._open_ended))
        for loop in graph.closed_loops() if stuck else ():
            if loop <= stuck:
                start = min(loop)
                message = (
                    f"{quoted(steps[start].name)} is in a circle of {len(loop)} that no decision leaves."
                )
                self._add("inescapable-loop", start, message, "Add a decision with a way out.")
                stuck -= loop
        for i in sorted(stuck):
            message = f"Every path from {quoted(steps[i].name)} ends in an inescapable loop."
            self._add("no-path-to-terminal", i, message, "Add a way to a terminal step.")

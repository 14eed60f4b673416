"""Mends the targets of branches: each that no step declares is read as the only step that it can mean."""

from __future__ import annotations

from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.fields import name_key
from autoflow.language.model import Branch, StepType
from autoflow.language.repair.drafts import ANSWER, Draft, Drafts
from autoflow.language.repair.names import following_number, free_name
from autoflow.language.repair.words import closest_name, means_end

_RELATIVE: Final = {
    "next": 1, "next step": 1, "the next step": 1, "following step": 1, "continue": 1, "proceed": 1,
    "previous": -1, "previous step": -1, "the previous step": -1, "back": -1, "go back": -1,
    "self": 0, "same step": 0, "this step": 0, "repeat": 0,
}  # fmt: skip
_FIRST: Final = frozenset({"start", "first", "first step", "beginning", "the beginning", "restart"})


def mend_targets(drafts: Drafts) -> None:
    """Mends the targets of all steps; those that mean no step are left."""
    for i, step in enumerate(drafts.steps.copy()):
        if step.type is StepType.TERMINAL:
            continue
        if _is_an_end(drafts, step) or _circles(drafts, step):
            drafts.retype(step, StepType.TERMINAL, "goes nowhere else")
            step.branches = []
            continue
        step.branches = [
            Branch(branch.label, _target(drafts, i, step, branch.target)) for branch in step.branches
        ]


def _is_an_end(drafts: Drafts, step: Draft) -> bool:
    """Without a terminal, a process that leads to `END` is one."""
    only = step.branches[0].target if len(step.branches) == 1 else ""
    return means_end(only) and not drafts.declares(only) and not drafts.terminals()


def _circles(drafts: Drafts, step: Draft) -> bool:
    """The last step that leads to itself alone."""
    return (
        step is drafts.steps[-1]
        and bool(step.branches)
        and {name_key(branch.target) for branch in step.branches} == {name_key(step.name)}
    )


def _target(drafts: Drafts, index: int, step: Draft, target: str) -> str:
    if drafts.declares(target):
        follows = drafts.steps[index + 1] if index + 1 < len(drafts.steps) else None
        loops = step.type is StepType.PROCESS and len(step.branches) == 1
        if not (loops and follows and name_key(target) == name_key(step.name)):
            return target
        meant: str | None = follows.name
    else:
        meant = _meant(drafts, index, target)
    if meant is None:
        return target
    drafts.tell("retargeted-branch", step, f"The target {quoted(target)} is read as {quoted(meant)}.")
    return meant


def _meant(drafts: Drafts, index: int, target: str) -> str | None:
    """Returns the only step that an undeclared target can mean, or None."""
    steps = drafts.steps
    if means_end(target):
        # Of several ends none is meant more than another.
        ends = drafts.terminals() or [_added(drafts, "End", steps[-1].line)]
        return ends[0].name if len(ends) == 1 else None
    key = name_key(target)
    if key in _FIRST:
        return steps[0].name
    if key in _RELATIVE:
        place = index + _RELATIVE[key]
        return steps[place].name if 0 <= place < len(steps) else None
    meant = closest_name(target, (step.name for step in steps))
    if meant is None and not drafts.terminals() and name_key(target) == following_number(drafts):
        _added(drafts, target, steps[index].line)
    return meant


def _added(drafts: Drafts, name: str, line: int) -> Draft:
    added = Draft(line, free_name(drafts, name) if drafts.declares(name) else name, StepType.TERMINAL, ANSWER)
    drafts.tell("added-step", added, f"The terminal step {quoted(added.name)} is added at the end.")
    drafts.steps.append(added)
    return added

"""What changed from one workflow to another: steps added, removed and changed, as a person would say it.

Numbered steps change their names whenever one is put in before them, so steps are matched by what they say:
an alignment that keeps their order, of the greatest total likeness (Needleman and Wunsch 1970). Branches are
compared through that matching: a branch to `Step 3` that now leads to the same step under the name `Step 4`
has not changed, and neither has a process that went on to the step below it and still does, whichever that
is. A step that was moved past others is one removed and one added: what is kept is the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property
from typing import Final

from autoflow.language.fields import name_key
from autoflow.language.model import NEXT_LABEL, Step, StepType, Workflow

_LEAST_LIKENESS: Final = 0.5
"""Steps that are less alike are not versions of one another."""
_SAME_NAME: Final = 0.2
"""What an equal name adds to the likeness: a step that was rewritten in its place is a change."""
_SAME_TYPE: Final = 0.1
_MOST_COMPARED: Final = 40_000
"""Pairs of steps that are compared by their words; beyond, only equal instructions and names match."""


class ChangeKind(StrEnum):
    """What became of a step."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"
    """But perhaps for its name: see `StepChange.renamed`."""


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step, and what became of it."""

    kind: ChangeKind
    before: Step | None
    """None where it was added."""
    after: Step | None
    """None where it was removed."""
    parts: tuple[str, ...] = ()
    """Of a changed step: which of `type`, `instruction` and `branches` differ."""

    @property
    def renamed(self) -> bool:
        """Whether the step goes by another name."""
        return (
            self.before is not None
            and self.after is not None
            and name_key(self.before.name) != name_key(self.after.name)
        )


@dataclass(frozen=True)
class WorkflowDiff:
    """All steps of two workflows, matched."""

    before: Workflow
    after: Workflow
    steps: tuple[StepChange, ...]
    """In the order of `after`; a removed step stands where it stood among those that were kept."""

    @cached_property
    def counts(self) -> Mapping[ChangeKind, int]:
        """How many steps there are of each kind."""
        return {kind: sum(step.kind is kind for step in self.steps) for kind in ChangeKind}

    @property
    def empty(self) -> bool:
        """Whether nothing changed but names."""
        return self.counts[ChangeKind.SAME] == len(self.steps)

    @property
    def text(self) -> str:
        """The difference for a person: `+` added, `-` removed, a changed step as both, ` ` the same."""
        return "".join(f"{line}\n" for change in self.steps for line in _lines(change))


def diff(before: Workflow, after: Workflow) -> WorkflowDiff:
    """Compares two workflows; cost grows with the product of their numbers of steps."""
    pairs = _alignment(before.steps, after.steps)
    names = {
        name_key(before.steps[old].name): name_key(after.steps[new].name)
        for old, new in pairs
        if old is not None and new is not None
    }
    return WorkflowDiff(before, after, tuple(_change(before, old, after, new, names) for old, new in pairs))


_Pair = tuple[int | None, int | None]


def _alignment(before: Sequence[Step], after: Sequence[Step]) -> list[_Pair]:
    """Indices side by side, in order; None where one side has no counterpart."""
    worded = len(before) * len(after) <= _MOST_COMPARED
    likeness = [[_likeness(old, new, worded=worded) for new in after] for old in before]
    best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in reversed(range(len(before))):
        for j in reversed(range(len(after))):
            match = likeness[i][j] + best[i + 1][j + 1] if likeness[i][j] else 0.0
            best[i][j] = max(match, best[i + 1][j], best[i][j + 1])
    return list(_walk(likeness, best))


def _walk(likeness: Sequence[Sequence[float]], best: Sequence[Sequence[float]]) -> Iterator[_Pair]:
    i = j = 0
    rows, columns = len(best) - 1, len(best[0]) - 1
    while i < rows and j < columns:
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            yield i, j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            # What was removed stands before what came in its place.
            yield i, None
            i += 1
        else:
            yield None, j
            j += 1
    yield from ((old, None) for old in range(i, rows))
    yield from ((None, new) for new in range(j, columns))


def _likeness(old: Step, new: Step, *, worded: bool) -> float:
    """How much two steps are versions of one another; 0 where they are not."""
    same_name = name_key(old.name) == name_key(new.name)
    if old.instruction == new.instruction:
        alike = 1.0
    elif worded:
        matcher = SequenceMatcher(None, old.instruction.split(), new.instruction.split(), autojunk=False)
        alike = matcher.ratio()
    else:
        alike = 0.0
    bonus = _SAME_NAME * same_name + _SAME_TYPE * (old.type is new.type)
    return alike + bonus if alike + bonus >= _LEAST_LIKENESS else 0.0


def _change(
    before: Workflow, old: int | None, after: Workflow, new: int | None, names: Mapping[str, str]
) -> StepChange:
    if old is None or new is None:
        earlier = None if old is None else before.steps[old]
        later = None if new is None else after.steps[new]
        return StepChange(ChangeKind.ADDED if earlier is None else ChangeKind.REMOVED, earlier, later)
    was, now = before.steps[old], after.steps[new]
    differences = {
        "type": was.type is not now.type,
        "instruction": was.instruction != now.instruction,
        "branches": _ways(before, old, names) != _ways(after, new, {}),
    }
    parts = tuple(name for name, differs in differences.items() if differs)
    return StepChange(ChangeKind.CHANGED if parts else ChangeKind.SAME, was, now, parts)


def _ways(workflow: Workflow, index: int, names: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """Labels with the keys of targets, by their later names; None is the step below."""
    step = workflow.steps[index]
    below = name_key(workflow.steps[index + 1].name) if index + 1 < len(workflow.steps) else ""
    if step.type is StepType.PROCESS and [name_key(branch.target) for branch in step.branches] == [below]:
        return [(NEXT_LABEL, None)]
    keys = [(branch.label.casefold(), name_key(branch.target)) for branch in step.branches]
    return [(label, names.get(target, target)) for label, target in keys]


def _lines(change: StepChange) -> Iterator[str]:
    if change.kind is ChangeKind.SAME and change.after is not None:
        yield f"  {change.after.text}"
        return
    if change.before is not None:
        yield f"- {change.before.text}"
    if change.after is not None:
        yield f"+ {change.after.text}"

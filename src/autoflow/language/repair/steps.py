"""Second stage of a repair: makes the steps that were read a sound workflow, where only one way is open.

Whatever is left broken is told by the linter, and the text is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.fields import declared_names, name_key, resolve_target
from autoflow.language.grammar import LABEL_PAIRS
from autoflow.language.graph import Graph
from autoflow.language.model import NEXT_LABEL, Branch, Step, StepType, Workflow
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.words import closest_name, means_end

_ANSWER: Final = "Give the final answer"
_RELATIVE: Final = {
    "next": 1, "next step": 1, "the next step": 1, "following step": 1, "continue": 1, "proceed": 1,
    "previous": -1, "previous step": -1, "the previous step": -1, "back": -1, "go back": -1,
    "self": 0, "same step": 0, "this step": 0, "repeat": 0,
}  # fmt: skip
_FIRST: Final = frozenset({"start", "first", "first step", "beginning", "the beginning", "restart"})
_COUNTERPARTS: Final = {name_key(a): b for pair in LABEL_PAIRS for a, b in (pair, pair[::-1])}


@dataclass(slots=True)
class Draft:
    """A step that may still be changed."""

    line: int
    name: str
    type: StepType
    instruction: str
    branches: list[Branch] = field(default_factory=list)


class StepMender:
    """Mends the steps of one workflow.

    Args:
        workflow: What the parser read.
        lines: For each step its line in the source text.
        changes: Where each change is told.
    """

    def __init__(self, workflow: Workflow, lines: Sequence[int], changes: Changes) -> None:
        self._steps = [
            Draft(line, step.name, step.type, step.instruction, list(step.branches))
            for line, step in zip(lines, workflow.steps, strict=True)
        ]
        self._changes = changes

    def run(self) -> tuple[Workflow, tuple[int, ...]]:
        """Returns the mended workflow, sound or not, and for each step its line in the source text."""
        self._mend_names()
        for i, step in enumerate(self._steps):
            self._mend_instruction(step)
            self._mend_terminal(i, step)
        self._mend_targets()
        for i, step in enumerate(self._steps):
            if step.type is not StepType.TERMINAL:
                self._mend_branches(i, step)
        self._remove_unreachable()
        return self._workflow(), tuple(step.line for step in self._steps)

    def _mend_names(self) -> None:
        kept: list[Draft] = []
        taken: dict[str, Draft] = {}
        names = {name_key(step.name) for step in self._steps}
        for position, step in enumerate(self._steps, start=1):
            first = taken.get(name_key(step.name))
            if first is not None:
                if (first.type, first.instruction, first.branches) == (
                    step.type,
                    step.instruction,
                    step.branches,
                ):
                    self._tell(
                        "removed-step", step, f"{quoted(step.name)} repeats the step of line {first.line}."
                    )
                    continue
                name = _free_name(step.name, position, names)
                self._tell("renamed-step", step, f"The second {quoted(step.name)} is named {quoted(name)}.")
                step.name = name
                names.add(name_key(name))
            taken[name_key(step.name)] = step
            kept.append(step)
        self._steps = kept

    def _mend_instruction(self, step: Draft) -> None:
        if step.instruction:
            return
        words = [word for word in step.name.split() if not word.strip("().#").isdecimal()]
        if step.type is StepType.TERMINAL:
            step.instruction = _ANSWER
        elif len(words) > 1:
            step.instruction = step.name
        else:
            return
        self._tell("added-instruction", step, f"{quoted(step.name)} is told {quoted(step.instruction)}.")

    def _mend_terminal(self, index: int, step: Draft) -> None:
        """A terminal that leads on to a later step is none; other branches of it are left out."""
        if step.type is not StepType.TERMINAL or not step.branches:
            return
        later = {name_key(other.name) for other in self._steps[index + 1 :]}
        if any(name_key(branch.target) in later for branch in step.branches):
            step.type = StepType.PROCESS if len(step.branches) == 1 else StepType.DECISION
            self._tell("retyped-step", step, f"{quoted(step.name)} leads on, so it is a {step.type}.")
            return
        step.branches = []
        self._tell(
            "removed-branch", step, f"{quoted(step.name)} ends the workflow; its branches are left out."
        )

    def _mend_targets(self) -> None:
        for i, step in enumerate(self._steps.copy()):
            if step.type is StepType.TERMINAL:
                continue
            if self._is_an_end(step) or self._circles(step):
                self._retype(step, StepType.TERMINAL, "goes nowhere else")
                step.branches = []
                continue
            step.branches = [
                Branch(branch.label, self._target(i, step, branch.target)) for branch in step.branches
            ]

    def _is_an_end(self, step: Draft) -> bool:
        """Without a terminal, a process that leads to `END` is one."""
        only = step.branches[0].target if len(step.branches) == 1 else ""
        return means_end(only) and not self._declared(only) and self._terminal() is None

    def _circles(self, step: Draft) -> bool:
        """The last step that leads to itself alone."""
        return (
            step is self._steps[-1]
            and bool(step.branches)
            and {name_key(branch.target) for branch in step.branches} == {name_key(step.name)}
        )

    def _target(self, index: int, step: Draft, target: str) -> str:
        if self._declared(target):
            follows = self._steps[index + 1] if index + 1 < len(self._steps) else None
            loops = step.type is StepType.PROCESS and len(step.branches) == 1
            if not (loops and follows and name_key(target) == name_key(step.name)):
                return target
            meant: str | None = follows.name
        else:
            meant = self._meant(index, target)
        if meant is None:
            return target
        self._tell("retargeted-branch", step, f"The target {quoted(target)} is read as {quoted(meant)}.")
        return meant

    def _meant(self, index: int, target: str) -> str | None:
        """Returns the only step that an undeclared target can mean, or None."""
        if means_end(target):
            return (self._terminal() or self._added("End", self._steps[-1].line)).name
        key = name_key(target)
        if key in _FIRST:
            return self._steps[0].name
        if key in _RELATIVE:
            place = index + _RELATIVE[key]
            return self._steps[place].name if 0 <= place < len(self._steps) else None
        meant = closest_name(target, (step.name for step in self._steps))
        if meant is None and self._terminal() is None and name_key(target) == self._following_number():
            self._added(target, self._steps[index].line)
        return meant

    def _following_number(self) -> str:
        """Returns the key of the name that would follow a last step named like `Step 4`."""
        head, _, number = self._steps[-1].name.rpartition(" ")
        return name_key(f"{head} {int(number) + 1}") if number.isdecimal() and len(number) < 5 else ""

    def _terminal(self) -> Draft | None:
        return next((step for step in reversed(self._steps) if step.type is StepType.TERMINAL), None)

    def _added(self, name: str, line: int) -> Draft:
        name = name if not self._declared(name) else _free_name(name, len(self._steps) + 1, set())
        added = Draft(line, name, StepType.TERMINAL, _ANSWER)
        self._tell("added-step", added, f"The terminal step {quoted(name)} is added at the end.")
        self._steps.append(added)
        return added

    def _declared(self, target: str) -> bool:
        return name_key(target) in {name_key(step.name) for step in self._steps}

    def _mend_branches(self, index: int, step: Draft) -> None:
        self._drop_repeated(step)
        targets = {name_key(branch.target) for branch in step.branches}
        if not step.branches:
            if index + 1 == len(self._steps):
                self._retype(step, StepType.TERMINAL, "is the last and goes nowhere")
                return
            following = self._steps[index + 1].name
            step.branches = [Branch(NEXT_LABEL, following)]
            self._tell(
                "added-branch", step, f"{quoted(step.name)} goes to the following {quoted(following)}."
            )
            self._retype(step, StepType.PROCESS, "has one way to go")
        elif len(step.branches) == 1 or (step.type is StepType.PROCESS and len(targets) == 1):
            self._retype(step, StepType.PROCESS, "has one way to go")
            self._only_next(step)
        else:
            self._retype(step, StepType.DECISION, "has several branches")
            self._mend_labels(step)

    def _drop_repeated(self, step: Draft) -> None:
        unique = {
            (name_key(branch.label), name_key(branch.target)): branch for branch in reversed(step.branches)
        }
        if len(unique) < len(step.branches):
            step.branches = list(reversed(unique.values()))
            self._tell(
                "removed-branch", step, f"A branch of {quoted(step.name)} that repeats another is left out."
            )

    def _only_next(self, step: Draft) -> None:
        first, *more = step.branches
        if more:
            self._tell(
                "removed-branch", step, f"All branches of {quoted(step.name)} lead to {quoted(first.target)}."
            )
        if name_key(first.label) != NEXT_LABEL:
            self._tell(
                "relabelled-branch", step, f"The label {quoted(first.label)} is read as {quoted(NEXT_LABEL)}."
            )
            first = Branch(NEXT_LABEL, first.target)
        step.branches = [first]

    def _mend_labels(self, step: Draft) -> None:
        """Of two branches with one label of a pair, the second has the other."""
        if len(step.branches) != 2:
            return
        first, second = step.branches
        other = _COUNTERPARTS.get(name_key(second.label))
        if name_key(first.label) == name_key(second.label) and other is not None:
            step.branches = [first, Branch(other, second.target)]
            self._tell(
                "relabelled-branch", step, f"The second {quoted(second.label)} is read as {quoted(other)}."
            )

    def _retype(self, step: Draft, type_: StepType, why: str) -> None:
        if step.type is not type_:
            step.type = type_
            self._tell("retyped-step", step, f"{quoted(step.name)} {why}, so it is a {type_}.")

    def _remove_unreachable(self) -> None:
        graph = Graph.of(self._workflow())
        reachable = graph.reachable()
        # To lose most of a text is no repair of it; nor is to lose what a broken branch may have led to.
        known = all(self._declared(branch.target) for step in self._steps for branch in step.branches)
        if not known or 2 * len(reachable) < len(self._steps):
            return
        for i, step in enumerate(self._steps):
            if i not in reachable:
                self._tell("removed-step", step, f"No path leads to {quoted(step.name)}; it is left out.")
        self._steps = [step for i, step in enumerate(self._steps) if i in reachable]

    def _workflow(self) -> Workflow:
        declared = declared_names(tuple(step.name for step in self._steps))
        return Workflow(
            tuple(
                Step(
                    step.name,
                    step.type,
                    step.instruction,
                    tuple(
                        Branch(branch.label, resolve_target(branch.target, declared) or branch.target)
                        for branch in step.branches
                    ),
                )
                for step in self._steps
            )
        )

    def _tell(self, code: str, step: Draft, message: str) -> None:
        self._changes.add(code, step.line, message)


def _free_name(name: str, position: int, taken: set[str]) -> str:
    """Returns a name like the one given that is not taken: by the step's place where names are numbered."""
    head, _, number = name.rpartition(" ")
    numbered = f"{head} {position}".lstrip()
    if number.isdecimal() and name_key(numbered) not in taken:
        return numbered
    count = 2
    while name_key(f"{name} ({count})") in taken:
        count += 1
    return f"{name} ({count})"

"""Steps while they are mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.fields import declared_names, name_key, resolve_target
from autoflow.language.model import Branch, Step, StepType, Workflow
from autoflow.language.repair.changes import Changes

ANSWER: Final = "Give the final answer"
"""What a terminal step is told that says nothing else."""


@dataclass(slots=True)
class Draft:
    """A step that may still be changed."""

    line: int
    """Line of the source text, from 1."""
    name: str
    type: StepType
    instruction: str
    branches: list[Branch] = field(default_factory=list)


class Drafts:
    """The steps of one workflow, in their order.

    Args:
        workflow: What the parser read.
        lines: For each step its line in the source text.
        changes: Where each change is told.
    """

    def __init__(self, workflow: Workflow, lines: Sequence[int], changes: Changes) -> None:
        self.steps = [
            Draft(line, step.name, step.type, step.instruction, list(step.branches))
            for line, step in zip(lines, workflow.steps, strict=True)
        ]
        self._changes = changes

    def declares(self, name: str) -> bool:
        """Whether a step has that name."""
        key = name_key(name)
        return any(name_key(step.name) == key for step in self.steps)

    def terminals(self) -> list[Draft]:
        """Returns the terminal steps."""
        return [step for step in self.steps if step.type is StepType.TERMINAL]

    def retype(self, step: Draft, type_: StepType, why: str) -> None:
        """Gives a step a type, if it has another."""
        if step.type is not type_:
            step.type = type_
            self.tell("retyped-step", step, f"{quoted(step.name)} {why}, so it is a {type_}.")

    def tell(self, code: str, step: Draft, message: str) -> None:
        """Tells a change at the line of a step."""
        self._changes.add(code, step.line, message)

    def workflow(self) -> Workflow:
        """Returns the workflow as it now is, sound or not."""
        declared = declared_names(tuple(step.name for step in self.steps))
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
                for step in self.steps
            )
        )

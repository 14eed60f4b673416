"""The CoRE workflow as immutable values, and its canonical text.

A workflow is a list of named natural-language steps (Xu et al., arXiv 2405.06907). The values guarantee one
thing: their canonical text parses back to them without a diagnostic. They do not guarantee a *sound*
workflow: duplicate names, unknown targets or a decision with one branch are the linter's business, since a
broken workflow must be representable to be shown and repaired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from autoflow.language.fields import (
    BRANCH_SEPARATOR,
    FIELD_SEPARATOR,
    check_field,
    check_name,
    name_key,
    resolve_target,
)

NEXT_LABEL: Final = "next"
"""Label of the only branch of a process step."""


ASK_MARK: Final = "[ask]"
"""An instruction that begins so, in any case, is a question for a person."""


class StepType(StrEnum):
    """What a step does with the control flow."""

    PROCESS = "process"
    """Goes to one step, by the branch ``next``."""
    DECISION = "decision"
    """Chooses between two or more labelled branches."""
    TERMINAL = "terminal"
    """Ends the workflow; has no branch."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A labelled arrow to a step.

    Raises:
        ValueError: A field is empty or cannot be written in the language.
    """

    label: str
    """What the executing model chooses by."""
    target: str
    """Name of the step that follows."""

    def __post_init__(self) -> None:
        check_field("a branch label", self.label)
        check_name("a branch target", self.target)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a workflow.

    Raises:
        ValueError: The name is empty, or a field cannot be written in the language.
    """

    name: str
    """Compared without regard to case and spacing."""
    type: StepType
    instruction: str
    """What the executing model is told; may be empty, which the linter reports."""
    branches: tuple[Branch, ...] = ()

    def __post_init__(self) -> None:
        check_name("a step name", self.name)
        check_field("an instruction", self.instruction, may_be_empty=True)

    @property
    def question(self) -> str | None:
        """What a person is asked; None where the step is the model's to carry out."""
        mark, rest = self.instruction[: len(ASK_MARK)], self.instruction[len(ASK_MARK) :]
        return rest.strip() if mark.casefold() == ASK_MARK else None

    @property
    def text(self) -> str:
        """The canonical line, without a line break."""
        text = f"{self.name}{FIELD_SEPARATOR}{self.type}{FIELD_SEPARATOR}{self.instruction}"
        separator = FIELD_SEPARATOR
        for branch in self.branches:
            text += f"{separator}{branch.label}{BRANCH_SEPARATOR}{branch.target}"
            separator = BRANCH_SEPARATOR
        return text


@dataclass(frozen=True)
class Workflow:
    """A program of one or more steps; execution begins at the first.

    What is derived from the steps is made once, when it is first asked for.

    Raises:
        ValueError: There is no step, or a target spells the name of a declared step differently.
    """

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a workflow has at least one step")
        index = self.index
        for step in self.steps:
            for branch in step.branches:
                meant = resolve_target(branch.target, index)
                if meant is not None and self.steps[meant].name != branch.target:
                    name = self.steps[meant].name
                    raise ValueError(f"the target {branch.target!r} must be spelled {name!r}, as declared")

    @property
    def first(self) -> Step:
        """The step at which execution begins."""
        return self.steps[0]

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The index of each step by its `name_key`; of a duplicate, the first index."""
        index: dict[str, int] = {}
        for i, step in enumerate(self.steps):
            index.setdefault(name_key(step.name), i)
        return index

    @cached_property
    def text(self) -> str:
        """The canonical text: one step a line, each line ended by a line feed."""
        return "".join([f"{step.text}\n" for step in self.steps])

    @cached_property
    def digest(self) -> str:
        """``sha256:`` and the hexadecimal SHA-256 of the canonical text in UTF-8."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"

    def step(self, name: str) -> Step:
        """Returns the step of that name, the first of them if the name is declared twice.

        Raises:
            KeyError: No step has that name.
        """
        index = self.index.get(name_key(name))
        if index is None:
            raise KeyError(name)
        return self.steps[index]

"""What is asked of the generator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autoflow.llm import Sampling
from autoflow.prompts import StepFailure
from autoflow.suites import Tool


class Mending(StrEnum):
    """What is done about a draw that is no valid workflow."""

    NONE = "none"
    """Nothing: what comes out is what the model wrote, for whoever needs the likelihood of exactly that."""
    REPAIR = "repair"
    """What can be mended without guessing is."""
    CORRECT = "correct"
    """What cannot be mended so is shown to the model with the findings."""


class StepNaming(StrEnum):
    """How the steps of a workflow are named."""

    NUMBERED = "numbered"
    """`Step 1`, `Step 2` and so on."""
    FREE = "free"
    """By what they do."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Who writes, what for, how many, and what is done about a text that is no workflow."""

    model: str
    """A name of the catalogue."""
    adapter: str | None
    goal: str
    tools: tuple[Tool, ...]
    count: int
    sampling: Sampling
    """Of candidate 0; candidate i draws with `seed + i`."""
    max_steps: int
    """Of a workflow, under the grammar."""
    mending: Mending
    max_corrections: int
    """Of one candidate."""
    naming: StepNaming


@dataclass(frozen=True, slots=True)
class Attempt:
    """A workflow that was written before, and how it did."""

    text: str
    """It may be broken."""
    verdict: float | str
    """Its mean reward in [0, 1], or why it could not be executed."""
    failures: tuple[StepFailure, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What of the newest attempt is to change."""

    step: str | None
    """The step that is to; None: which steps there are and how they follow each other."""


@dataclass(frozen=True, slots=True)
class RefinementRequest:
    """What came before, and what is asked for after it."""

    drawing: GenerationRequest
    attempts: tuple[Attempt, ...]
    """One or more, the newest last."""
    change: Change | None
    """None: whatever the model finds best."""

"""What every protocol offers an execution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autoflow.language import Step
from autoflow_interpreter.events import MemoryRecalled
from autoflow_interpreter.journal import Journal
from autoflow_interpreter.memory import Observation, Recollection

CORRECTIONS = 2
"""How often a model is told what is wrong with a reply, for one step."""


@dataclass(frozen=True, slots=True)
class StepWork:
    """What came of a step, before the way out of it is taken."""

    answer: str
    branch: int | None = None
    """The index of the branch, where the protocol tells it."""
    observation: Observation | None = None
    """What the step's tool brought, where later steps are to see it beside the answer."""


class StepProtocol(Protocol):
    """Carries steps out."""

    async def carry_out(self, step: Step) -> StepWork:
        """Carries one step out.

        Raises:
            Stopped: a limit was reached, or a reply could not be read.
            LanguageModelError: a call of the model failed.
            Unavailable: a tool cannot be reached.
            ResourceExhausted: a tool has too much to do.
        """


def told(step: Step, recalled: Recollection, journal: Journal, *, everything: bool) -> None:
    """Writes down what earlier answers a step sees.

    Args:
        step: the step.
        recalled: what it sees.
        journal: where to.
        everything: whether the memory shows all that there is; then only what is missing is worth a word.
    """
    missing = bool(recalled.cut or recalled.unread)
    if journal.unfinished.recalled or not (missing or (recalled.shown and not everything)):
        return
    shown, cut, unread = map(tuple, (recalled.shown, recalled.cut, recalled.unread))
    journal.record(MemoryRecalled(step.name, shown, cut, unread))

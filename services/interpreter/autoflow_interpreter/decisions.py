"""Which way out of a step an execution takes.

A decision is read, not drawn: greedily, by a short prompt of its own that holds the step's instruction and
answer alone. Where no branch can be read, the execution ends undecided.
"""

from __future__ import annotations

from autoflow import prompts
from autoflow.language import Branch, Step
from autoflow_interpreter.asking import QUESTIONS, Unreadable, pick
from autoflow_interpreter.events import Outcome
from autoflow_interpreter.limits import BoundedModel, Stopped

_QUOTED_CHARS = 120


async def way_out(step: Step, answer: str, model: BoundedModel) -> Branch:
    """The branch that follows a step's answer.

    Args:
        step: a process or a decision.
        answer: the model's answer to its instruction.
        model: who decides.

    Raises:
        Stopped: undecided, or a limit was reached.
        LanguageModelError: a call failed.
    """
    if len(step.branches) == 1:
        return step.branches[0]
    labels = [branch.label for branch in step.branches]
    picked = await pick(prompts.branch(step.instruction, answer, labels), labels, model)
    if isinstance(picked, Unreadable):
        said = picked.said[:_QUOTED_CHARS]
        raise Stopped(
            Outcome.UNDECIDED,
            f"asked {QUESTIONS} times, the last answer names no branch of {step.name!r}: {said!r}",
        )
    return step.branches[picked]

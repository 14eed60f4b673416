"""Which way out of a step an execution takes.

A decision is read, not drawn: greedily, by a short prompt of its own that holds the step's instruction and
answer alone. Where the model can, its choice is constrained to the options. Else it answers in words, and is
asked once more where they name no branch; then the execution ends undecided. A branch is never guessed.
"""

from __future__ import annotations

from autoflow import prompts
from autoflow.language import Branch, Step
from autoflow.llm import Message, Role, Sampling
from autoflow_interpreter.events import Outcome
from autoflow_interpreter.limits import BoundedModel, Stopped

QUESTIONS = 2
"""How often a model that answers in words is asked for a branch."""

_IN_WORDS = Sampling(temperature=0.0, max_tokens=64)
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
    question = prompts.branch(step.instruction, answer, labels)
    if model.can_choose:
        return step.branches[await model.choose(question, tuple(prompts.BRANCH_OPTIONS[: len(labels)]))]
    return step.branches[await _in_words(step.name, labels, question, model)]


async def _in_words(name: str, labels: list[str], question: list[Message], model: BoundedModel) -> int:
    for _ in range(QUESTIONS):
        words = await model.complete(question, _IN_WORDS)
        index = prompts.read_branch(words, labels)
        if index is not None:
            return index
        question = [*question, Message(Role.ASSISTANT, words), prompts.branch_again(labels)]
    said = words[:_QUOTED_CHARS]
    raise Stopped(
        Outcome.UNDECIDED, f"asked {QUESTIONS} times, the last answer names no branch of {name!r}: {said!r}"
    )

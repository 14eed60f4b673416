"""Short questions whose answer is one of some letters.

Where the model can, its choice is constrained to the letters. Else it answers in words, and is asked once
more where they name none. An answer is never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoflow import prompts
from autoflow.llm import Message, Role, Sampling
from autoflow_interpreter.limits import BoundedModel

QUESTIONS = 2
"""How often a model that answers in words is asked."""

_IN_WORDS = Sampling(temperature=0.0, max_tokens=64)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The model named none of the letters, not even when it was asked once more."""

    said: str
    """Its last answer."""


async def pick(question: Sequence[Message], labels: Sequence[str], model: BoundedModel) -> int | Unreadable:
    """The index of the label that the model picks.

    Args:
        question: the chat; it names the labels, each by its letter of `prompts.BRANCH_OPTIONS`.
        labels: two or more.
        model: who picks.

    Raises:
        Stopped: a limit was reached.
        LanguageModelError: a call failed.
    """
    if model.capabilities.choice:
        return await model.choose(question, tuple(prompts.BRANCH_OPTIONS[: len(labels)]))
    said = ""
    for _ in range(QUESTIONS):
        said = await model.complete(question, _IN_WORDS)
        if (index := prompts.read_branch(said, labels)) is not None:
            return index
        question = [*question, Message(Role.ASSISTANT, said), prompts.branch_again(labels)]
    return Unreadable(said)

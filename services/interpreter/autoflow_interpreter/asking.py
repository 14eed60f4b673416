"""Short questions whose answer is one of some letters.

Where the model can, its choice is constrained to the letters. Else it answers in words, and is asked once
more where they name none. An answer is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

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
    read = partial(prompts.read_branch, labels=labels)
    return await _in_words(question, read, prompts.branch_again(labels), model)


async def pick_option(
    question: Sequence[Message], names: Sequence[str], model: BoundedModel
) -> int | Unreadable:
    """The index of the option that the model picks; errors as `pick`.

    Args:
        question: the chat; it names the options, each by its mark of `prompts.option_marks`.
        names: of the options, two or more.
        model: who picks.
    """
    if model.capabilities.choice:
        return await model.choose(question, prompts.option_marks(len(names)))
    read = partial(prompts.read_option, names=names)
    return await _in_words(question, read, prompts.option_again(len(names)), model)


async def _in_words(
    question: Sequence[Message], read: Callable[[str], int | None], again: Message, model: BoundedModel
) -> int | Unreadable:
    said = ""
    for _ in range(QUESTIONS):
        said = await model.complete(question, _IN_WORDS)
        if (index := read(said)) is not None:
            return index
        question = [*question, Message(Role.ASSISTANT, said), again]
    return Unreadable(said)

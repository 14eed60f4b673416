"""What a chat about a workflow says to a model that can read more than `autoflow.prompts.design` tells it.

Which part of a workflow is to change, what a failed step did in full, what is wrong with a text, and the
question for the names of steps. The embedded model was trained on none of this: it is shown what
`autoflow.prompts.design` says, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoflow.llm.base import Message, Role
from autoflow.prompts.design import failed_step

_MOST_CHARACTERS = 600
"""Of one text of a failed step: what matters for a better instruction is seen in less."""


@dataclass(frozen=True, slots=True)
class StepFailure:
    """What a step did in an execution that scored low; an empty text is not shown."""

    step: str
    """Its name."""
    answer: str
    score: float
    """What the whole execution scored, in [0, 1]."""
    instruction: str = ""
    tool: str = ""
    """Which one it called."""
    tool_input: str = ""
    tool_output: str = ""
    query: str = ""
    """The task."""


def plain_failure(failure: StepFailure) -> str:
    """One finding of a reflection, in the words that the embedded model knows."""
    return failed_step(failure.step, failure.answer, failure.score)


def told_failure(failure: StepFailure) -> str:
    """One finding of a reflection with all that is known; long texts lose their middle."""
    parts = [
        ("task", failure.query),
        ("instruction", failure.instruction),
        ("tool", failure.tool),
        ("arguments", failure.tool_input),
        ("returned", failure.tool_output),
    ]
    told = "".join(f"\n  {name}: {_shortened(text)}" for name, text in parts if text)
    return f"{failed_step(failure.step, _shortened(failure.answer), failure.score)}{told}"


def step_to_change(messages: Sequence[Message], step: str) -> list[Message]:
    """The chat of a refinement, whose last turn says that one step alone is to change.

    Args:
        messages: ends with the user's turn.
        step: its name.
    """
    return _asked_more(
        messages,
        f"Change {step} alone: its instruction, or where its branches lead. Write the whole workflow, with "
        "every other step exactly as it is.",
    )


def structure_to_change(messages: Sequence[Message]) -> list[Message]:
    """The chat of a refinement, whose last turn says that steps and branches are to change.

    Args:
        messages: ends with the user's turn.
    """
    return _asked_more(
        messages,
        "Change which steps there are and how they follow each other. A step that stays keeps its "
        "instruction.",
    )


def step_names(messages: Sequence[Message], max_steps: int) -> list[Message]:
    """The chat of a generation, whose last turn asks for the names of the steps first.

    Args:
        messages: ends with the user's turn.
        max_steps: the most names.
    """
    return _asked_more(
        messages,
        f"First write the names of its steps alone, at most {max_steps}, one a line, in the order in which "
        "they follow each other. A name says in a few words what its step does.",
    )


def steps_named(messages: Sequence[Message], names: Sequence[str]) -> list[Message]:
    """The chat of a generation, after the names of the steps were asked for.

    Args:
        messages: made by `step_names`.
        names: what was answered.
    """
    return [
        *messages,
        Message(Role.ASSISTANT, "".join(f"{name}\n" for name in names)),
        Message(Role.USER, "Write the workflow with these steps, in this order."),
    ]


def correction(text: str, findings: Sequence[str]) -> list[Message]:
    """The turns that follow a text that is no valid workflow: the text, then what is wrong with it.

    Args:
        text: as it was written.
        findings: each made by `finding`, or `CUT_OFF`.
    """
    told = "\n".join(f"- {each}" for each in findings)
    return [
        Message(Role.ASSISTANT, text),
        Message(
            Role.USER,
            f"This workflow cannot be used:\n{told}\n"
            "Write the whole workflow again, with this mended, and nothing else.",
        ),
    ]


CUT_OFF = "The text was cut off, for it is too long. Write a shorter workflow."
"""A finding in a text that the token limit cut off."""


def finding(line: int, code: str, message: str, fix: str, *, as_json: bool = False) -> str:
    """A finding in a workflow.

    Args:
        line: of the workflow's text, from 1; 0 is the text as a whole.
        code: its code.
        message: what was found.
        fix: what to do about it; may be empty.
        as_json: whether the model wrote JSON: then a line is one of its steps.
    """
    place = f"{'Item' if as_json else 'Line'} {line}: " if line else ""
    return f"{place}{message}{f' {fix}' if fix else ''} ({code})"


def _asked_more(messages: Sequence[Message], words: str) -> list[Message]:
    *before, last = messages
    return [*before, replace(last, content=f"{last.content}\n{words}")]


def _shortened(text: str) -> str:
    half = _MOST_CHARACTERS // 2
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:half]} … {text[-half:]}"

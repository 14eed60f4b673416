"""Prompts for carrying out a workflow.

An execution is one append-only chat: the task and the first step's instruction, its answer, the next
instruction, and so on. The choice of a branch is a short chat of its own, so that it neither disturbs the
execution's chat nor grows with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.llm.base import Message, Role
from autoflow.prompts._choices import read_marked
from autoflow.prompts._tools import tools_paragraph
from autoflow.suites.model import Tool

BRANCH_OPTIONS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What a branch is chosen by: a letter for each label, in order."""

_SYSTEM = """\
You carry out a procedure on a task, one instruction at a time. Answer each instruction in one short line, \
from the task and from what earlier answers have established."""

_PLAN = (
    " When you are asked for the final plan, answer with nothing but the names of the models, in order, "
    "separated by commas."
)

_BRANCH_SYSTEM = "You choose how a procedure goes on. Answer with one letter and nothing else."


def execution(query: str, tools: Sequence[Tool], first_instruction: str) -> list[Message]:
    """Opens the chat of an execution with the task and the first step."""
    return [
        Message(Role.SYSTEM, f"{_SYSTEM}{_PLAN if tools else ''}{tools_paragraph(tools)}"),
        Message(Role.USER, f"Task: {query}\n{first_instruction}"),
    ]


def step(instruction: str) -> Message:
    """The turn that asks for the next step."""
    return Message(Role.USER, instruction)


def branch(instruction: str, answer: str, labels: Sequence[str]) -> list[Message]:
    """Asks which branch the answer to a decision means; the answer is a letter of `BRANCH_OPTIONS`.

    Args:
        instruction: the decision's instruction.
        answer: what was answered to it.
        labels: two or more labels, at most as many as there are letters.
    """
    options = "\n".join(f"{letter}. {label}" for letter, label in zip(BRANCH_OPTIONS, labels, strict=False))
    return [
        Message(Role.SYSTEM, _BRANCH_SYSTEM),
        Message(Role.USER, f"Question: {instruction}\nAnswer: {answer}\n{options}"),
    ]


def branch_again(labels: Sequence[str]) -> Message:
    """Asks once more, after an answer that named no branch."""
    letters = BRANCH_OPTIONS[: len(labels)]
    return Message(Role.USER, f"Answer with one of the letters {', '.join(letters)} and nothing else.")


def read_branch(text: str, labels: Sequence[str]) -> int | None:
    """Reads the choice out of words: a letter, alone or leading, or exactly one of the labels.

    Returns:
        The index of the label; None where the words name none, or more than one.
    """
    return read_marked(text, BRANCH_OPTIONS[: len(labels)], labels)

"""Prompts for what a step sees of the earlier ones, where it is not all of them.

A step's prompt begins with the task, as every prompt of an execution does, then come earlier answers, the
oldest first, and last the instruction. Questions about relevance show the description of an answer and never
the answer, so they are short, and those about one instruction begin alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autoflow.llm.base import Message, Role
from autoflow.prompts._templates import filled
from autoflow.prompts.execution import execution
from autoflow.suites.model import Tool

RELEVANCE_LABELS = ("Yes", "No")
"""What the letters of a question about relevance stand for, in their order."""

_NONE = re.compile(r"none", re.IGNORECASE)
_NUMBERS = re.compile(r"\d{1,6}(?:(?:\s*[,;]\s*|\s+)\d{1,6})*", re.ASCII)


def recalling(query: str, tools: Sequence[Tool], memory: str, instruction: str) -> list[Message]:
    """Asks for a step, and shows some of the earlier answers.

    Args:
        query: the task.
        tools: what a plan may name.
        memory: stands before the instruction; made by `memory_part`.
        instruction: the step's.
    """
    return execution(query, tools, f"{memory}{instruction}")


def memory_part(entries: Sequence[str], note: str) -> str:
    """The part of a step's prompt that shows earlier answers; empty where there is nothing to say.

    Args:
        entries: each made by `memory_entry`, the oldest first.
        note: made by `missing`.
    """
    if not entries:
        return f"{note}\n" if note else ""
    return f"{filled('memory_heading')}{''.join(entries)}{note}\n"


def memory_entry(key: str, description: str, content: str) -> str:
    """An earlier answer, as a step's prompt shows it."""
    return filled("memory_entry", key=key, description=description, content=content)


def shortened(content: str, characters: int) -> str:
    """The beginning of a content, marked as such.

    Args:
        content: what is shown of it.
        characters: of the whole.
    """
    return filled("shortened", content=content, shown=f"{len(content):,}", all=f"{characters:,}")


def missing(cut: int, unread: int) -> str:
    """Says how many earlier answers are not there; empty where none is missing.

    Args:
        cut: those for which there was no room.
        unread: those of which it could not be told whether they matter.
    """
    said = [filled("missing_cut", count=cut)] if cut else []
    if unread:
        said.append(filled("missing_unread", count=unread))
    return f"\n({' '.join(said)})\n" if said else ""


def relevance(query: str, instruction: str, key: str, description: str) -> list[Message]:
    """Asks whether one earlier answer is needed; the answer is A for yes or B for no.

    Args:
        query: the task.
        instruction: what comes next.
        key: names the earlier answer.
        description: says what it holds.
    """
    asked = filled("relevance", query=query, instruction=instruction, key=key, description=description)
    return [Message(Role.SYSTEM, filled("relevance_system")), Message(Role.USER, asked)]


def selection_line(number: int, key: str, description: str) -> str:
    """An earlier answer in the list of a selection; ends its line.

    Args:
        number: what the model names it by, from 1.
        key: names it.
        description: says what it holds.
    """
    return f"{number}. {key}: {description}\n"


def selection(query: str, instruction: str, lines: Sequence[str], *, again: bool = False) -> list[Message]:
    """Asks which earlier answers are needed; the answer is their numbers, or `none`.

    Args:
        query: the task.
        instruction: what comes next.
        lines: the earlier answers, each made by `selection_line`.
        again: whether an answer could not be read; it is not shown again.
    """
    asked = filled("selection", query=query, instruction=instruction, listed="".join(lines))
    if again:
        asked = f"{asked}\n{filled('selection_again', count=len(lines))}"
    return [Message(Role.SYSTEM, filled("selection_system")), Message(Role.USER, asked)]


def read_selection(text: str, count: int) -> tuple[int, ...] | None:
    """Reads numbers, or `none`, out of an answer. Other words may mean anything, so they make it unreadable.

    Args:
        text: the answer.
        count: how many earlier answers there are.

    Returns:
        Indices from 0, ascending, each once; None where the text says something else, or names a number that
        there is not.
    """
    words = text.strip().strip("`*_\"'.()[] \n")
    if _NONE.fullmatch(words):
        return ()
    if not _NUMBERS.fullmatch(words):
        return None
    numbers = {int(number) for number in re.findall(r"\d+", words)}
    if not numbers <= set(range(1, count + 1)):
        return None
    return tuple(sorted(number - 1 for number in numbers))

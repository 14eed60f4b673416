"""Prompts for a step that may call a tool, one question for each part: is one needed, which, with what
arguments, and what does the answer become with what the tool brought.

Whether a tool is needed is asked side by side with the step's answer, so it shows none. All of them begin
alike as far as they can: the task, then what is the same for several steps, then the step's own.

They do not protect against a tool's output that pretends to be an instruction; they say that it is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from autoflow.llm.base import Message, Role
from autoflow.prompts._choices import read_marked
from autoflow.prompts._templates import filled
from autoflow.prompts._tools import compact_schema
from autoflow.prompts.execution import BRANCH_OPTIONS
from autoflow.suites.model import Tool

TOOL_LABELS = ("Yes", "No")
"""What the letters of the question whether a tool is needed stand for, in their order."""

_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_BRACKETS = re.compile(r"[\[\]{}]")


def tool_needed(query: str, instruction: str, tools: Sequence[Tool]) -> list[Message]:
    """Asks whether a tool is needed; the answer is A for yes or B for no, see `TOOL_LABELS`.

    Args:
        query: the task.
        instruction: the step's.
        tools: those that it may call.
    """
    listed = "".join(f"- {tool.name}: {tool.description}\n" for tool in tools)
    asked = filled("tool_needed", query=query, listed=listed, instruction=instruction)
    return _chat("tool_needed", asked)


def option_marks(count: int) -> tuple[str, ...]:
    """What each of some options is chosen by, none a prefix of another.

    Args:
        count: how many options.

    Returns:
        Letters while there are enough, else numbers of equal width, such as `001`.
    """
    if count <= len(BRANCH_OPTIONS):
        return tuple(BRANCH_OPTIONS[:count])
    width = len(str(count))
    return tuple(f"{number:0{width}}" for number in range(1, count + 1))


def tool_choice(query: str, instruction: str, tools: Sequence[Tool]) -> list[Message]:
    """Asks which tool is called; the answer is one of the `option_marks`, in the order of the tools.

    Args:
        query: the task.
        instruction: the step's.
        tools: two or more.
    """
    listed = "".join(
        f"{mark}. {tool.name}: {tool.description}\n"
        for mark, tool in zip(option_marks(len(tools)), tools, strict=True)
    )
    return _chat("tool_choice", filled("tool_choice", query=query, listed=listed, instruction=instruction))


def read_option(text: str, names: Sequence[str]) -> int | None:
    """Reads the choice out of words: one of the `option_marks`, alone or leading, or exactly one name.

    Args:
        text: the words.
        names: of the options, in their order.

    Returns:
        The index of the option; None where the words name none, or more than one.
    """
    return read_marked(text, option_marks(len(names)), names)


def option_again(count: int) -> Message:
    """Asks once more, after an answer that named none of so many options."""
    marks = option_marks(count)
    return Message(Role.USER, filled("option_again", marks=", ".join(marks)))


def tool_arguments(query: str, instruction: str, answer: str, earlier: str, tool: Tool) -> list[Message]:
    """Asks for the arguments of a tool; `read_arguments` reads the answer.

    Args:
        query: the task.
        instruction: the step's.
        answer: what the step has answered so far.
        earlier: what the step sees of earlier answers; may be empty.
        tool: one that has a schema of arguments.
    """
    asked = filled(
        "tool_arguments",
        query=query,
        name=tool.name,
        description=tool.description,
        schema=compact_schema(tool),
        earlier=f"{earlier}\n" if earlier and not earlier.endswith("\n") else earlier,
        instruction=instruction,
        answer=answer,
    )
    return _chat("tool_arguments", asked)


def arguments_again(problem: str) -> Message:
    """Asks once more, after arguments that are none for the tool.

    Args:
        problem: what is wrong with them and what is allowed.
    """
    return Message(Role.USER, filled("arguments_again", problem=problem))


def read_arguments(text: str) -> str:
    """Finds the arguments in an answer. Whether they fit the tool is judged elsewhere.

    They are found where the answer is JSON, or holds one block of code that is an object, or has no brackets
    beside those of one object. What was cut off is thus never taken for one of its parts.

    Args:
        text: the answer.

    Returns:
        The text of the object, as it was written; the answer unchanged where none is found.
    """
    if _parsed(text) is not None:
        return text.strip()
    blocks = _FENCED.findall(text)
    if len(blocks) == 1 and isinstance(_parsed(blocks[0]), dict):
        return str(blocks[0]).strip()
    start, end = text.find("{"), text.rfind("}") + 1
    around = text[: max(start, 0)] + text[end:]
    if not _BRACKETS.search(around) and isinstance(_parsed(text[start:end]), dict):
        return text[start:end]
    return text


def tool_summary(
    query: str, instruction: str, answer: str, tool_name: str, arguments: str, output: str, failed: bool
) -> list[Message]:
    """Asks for the step's final answer, when its tool was called.

    Args:
        query: the task.
        instruction: the step's.
        answer: what the step answered before.
        tool_name: of the tool.
        arguments: what it was called with, a JSON object.
        output: what it brought, or why it failed.
        failed: which of them.
    """
    asked = filled(
        "tool_summary",
        query=query,
        instruction=instruction,
        answer=answer,
        observation=observation(tool_name, arguments, output, failed),
    )
    return _chat("tool_summary", asked)


def observation(tool_name: str, arguments: str, output: str, failed: bool) -> str:
    """What a tool brought, or why it failed, as prompts show it; ends with an empty line."""
    template = "tool_failed" if failed else "tool_brought"
    return filled(template, name=tool_name, arguments=arguments, output=output)


def _chat(name: str, asked: str) -> list[Message]:
    return [Message(Role.SYSTEM, filled(f"{name}_system")), Message(Role.USER, asked)]


def _parsed(text: str) -> object:
    """What a text says in JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

"""Prompts for an execution that asks once a step: the reply holds the answer, the tool, its arguments and the
branch, in this order, so that each is chosen in the light of those before it.

The system message is the same for all tasks, and all prompts of an execution begin alike. What a step alone
decides, which fields and labels its reply has, stands last. The schema of a reply keeps to OpenAI's strict
mode; where a model has no schemas, the reply is the arguments of a function. What is wrong with a reply is
told in words from which the model can do better.

Left out: more than one tool a step, and a branch that depends on what this step's tool brings: the next step
sees that first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from autoflow.llm.base import JsonSchema, Message, Role, ToolSpec
from autoflow.prompts._templates import filled
from autoflow.prompts._tools import compact_schema, tools_paragraph
from autoflow.prompts.tool_questions import observation, read_arguments
from autoflow.suites.model import Tool

_NAME = "reply"
_QUOTED = 80


@dataclass(frozen=True, slots=True)
class StepReply:
    """What a model replied to a step."""

    answer: str
    tool: str | None
    """The name of the tool that it calls; None where it calls none."""
    arguments: str
    """Of the tool, not judged yet; empty where it calls none."""
    branch: int | None
    """The index of the label; None where there was nothing to choose."""


class UnusableReply(Exception):
    """A reply that says nothing that can be done; the message says what is wrong and what is allowed."""


def fused_opening(
    query: str, plan_tools: Sequence[Tool], step_tools: Sequence[Tool], first_turn: str
) -> list[Message]:
    """Opens the chat of an execution with the task and the first step.

    Args:
        query: the task.
        plan_tools: those that a plan may name.
        step_tools: those that steps may call; listed by their names, in whatever order they come.
        first_turn: made by `fused_turn`.
    """
    fields = filled("fused_tool_fields", none=_no_tool(step_tools)) if step_tools else ""
    system = filled("fused_system", tools=fields)
    if step_tools:
        listed = "\n".join(
            f"- {tool.name}: {tool.description}\n  {compact_schema(tool)}" for tool in _sorted(step_tools)
        )
        system += filled("fused_tools", listed=listed)
    if plan_tools:
        system += f"{tools_paragraph(plan_tools)}{filled('fused_plan')}"
    return [Message(Role.SYSTEM, system), Message(Role.USER, f"Task: {query}\n{first_turn}")]


def fused_turn(memory: str, instruction: str, labels: Sequence[str], tools_allowed: bool) -> str:
    """The turn that asks for a step.

    Args:
        memory: what it shows of earlier answers, made by `memory_part`; may be empty.
        instruction: the step's.
        labels: of its branches.
        tools_allowed: whether it may call tools.
    """
    fields = _fields(labels, tools_allowed)
    return filled(
        "fused_turn",
        memory=memory,
        instruction=instruction,
        fields=", ".join(fields),
        labels=filled("fused_labels", listed=_listed(labels)) if "branch" in fields else "",
    )


def fused_observation(tool_name: str, arguments: str, output: str, failed: bool) -> str:
    """What a step's tool brought, as it stands before the turn of the next step.

    Args:
        tool_name: of the tool.
        arguments: what it was called with, a JSON object.
        output: what it brought, or why it failed.
        failed: which of them.
    """
    return observation(tool_name, arguments, output, failed)


def step_schema(step_tools: Sequence[Tool], labels: Sequence[str]) -> JsonSchema:
    """The schema of a step's reply.

    Args:
        step_tools: those that this step may call; none where it may not.
        labels: of its branches.
    """
    return JsonSchema(_NAME, _parameters(step_tools, labels))


def step_function(step_tools: Sequence[Tool], labels: Sequence[str]) -> ToolSpec:
    """The function whose arguments are a step's reply, for models that have functions and no schemas.

    Args:
        step_tools: as for `step_schema`.
        labels: as for `step_schema`.
    """
    return ToolSpec(_NAME, filled("step_function"), _parameters(step_tools, labels))


def read_step(text: str, step_tools: Sequence[Tool], labels: Sequence[str]) -> StepReply:
    """Reads a reply. It may stand in a block of code or amid words, as `read_arguments` finds it.

    Args:
        text: the reply, or the arguments of the function.
        step_tools: as for `step_schema`.
        labels: as for `step_schema`.

    Raises:
        UnusableReply: it is not what the schema allows. `arguments` alone may also be an object.
    """
    fields = _fields(labels, bool(step_tools))
    reply = _object(text, fields)
    answer = _text(reply, "answer")
    branch = labels.index(_one_of(reply, "branch", labels)) if "branch" in fields else None
    if not step_tools:
        return StepReply(answer, None, "", branch)
    names = _tool_names(step_tools)
    tool = _one_of(reply, "tool", names)
    arguments = _arguments(reply)
    if tool == names[-1]:
        return StepReply(answer, None, "", branch)
    # Some tools need no arguments, and models then write nothing.
    return StepReply(answer, tool, arguments if arguments.strip() else "{}", branch)


def step_again(problem: str) -> Message:
    """Asks once more, after a reply that cannot be used.

    Args:
        problem: the words of `UnusableReply`, or what is wrong with the arguments of the tool.
    """
    return Message(Role.USER, filled("step_again", problem=problem))


def _fields(labels: Sequence[str], tools: bool) -> tuple[str, ...]:
    return "answer", *(("tool", "arguments") if tools else ()), *(("branch",) if len(labels) > 1 else ())


def _parameters(step_tools: Sequence[Tool], labels: Sequence[str]) -> Mapping[str, Any]:
    fields = _fields(labels, bool(step_tools))
    properties: dict[str, dict[str, Any]] = {field: {"type": "string"} for field in fields}
    if step_tools:
        properties["tool"]["enum"] = list(_tool_names(step_tools))
    if "branch" in fields:
        properties["branch"]["enum"] = list(labels)
    return {
        "type": "object",
        "properties": properties,
        "required": list(fields),
        "additionalProperties": False,
    }


def _sorted(tools: Sequence[Tool]) -> list[Tool]:
    return sorted(tools, key=lambda tool: tool.name)


def _tool_names(tools: Sequence[Tool]) -> tuple[str, ...]:
    """What the field `tool` may say; the last means that none is called."""
    return *(tool.name for tool in _sorted(tools)), _no_tool(tools)


def _no_tool(tools: Sequence[Tool]) -> str:
    """`none`, unless a tool has that name."""
    taken = {tool.name for tool in tools}
    return next(word for more in count() if (word := f"none{'_' * more}") not in taken)


def _object(text: str, fields: Sequence[str]) -> dict[str, Any]:
    allowed = f"one JSON object with the fields {', '.join(fields)}"
    try:
        reply = json.loads(read_arguments(text), object_pairs_hook=_once)
        json.dumps(reply, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = f"{error.msg}, line {error.lineno}, column {error.colno}"
        raise UnusableReply(f"it is not JSON, or cut off ({place}); allowed is {allowed}") from None
    except UnicodeEncodeError:
        raise UnusableReply("it has half of a character, such as \\ud800 alone") from None
    except ValueError as error:
        raise UnusableReply(
            f"it cannot be read as JSON ({str(error)[:_QUOTED]}); allowed is {allowed}"
        ) from None
    except RecursionError:
        raise UnusableReply(f"it is nested too deeply; allowed is {allowed}") from None
    if not isinstance(reply, dict):
        raise UnusableReply(f"it is {_quoted(reply)}; allowed is {allowed}")
    for field in fields:
        if field not in reply:
            raise UnusableReply(f"the field {field} is missing; allowed is {allowed}")
    if unknown := [name for name in reply if name not in fields]:
        raise UnusableReply(f"there is no field {_quoted(unknown[0])} here; allowed is {allowed}")
    return reply


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return found


def _text(reply: Mapping[str, Any], field: str) -> str:
    if not isinstance(value := reply[field], str):
        raise UnusableReply(f"the field {field} is {_quoted(value)}; allowed is a text")
    return value


def _one_of(reply: Mapping[str, Any], field: str, allowed: Sequence[str]) -> str:
    value = _text(reply, field)
    if value not in allowed:
        raise UnusableReply(f"the field {field} is {_quoted(value)}; allowed is one of {_listed(allowed)}")
    return value


def _arguments(reply: Mapping[str, Any]) -> str:
    value = reply["arguments"]
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else _text(reply, "arguments")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(json.dumps(word, ensure_ascii=False) for word in words)


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"

"""Tools for the tests of prompts, and every prompt there is."""

from __future__ import annotations

import json
from collections.abc import Iterator

from autoflow import prompts
from autoflow.llm.base import Message, Role
from autoflow.suites import ContentType, Tool

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def step_tool(name: str, description: str = "finds something") -> Tool:
    """A tool that a step may call."""
    return Tool(name, description, (ContentType.TEXT,), ContentType.TEXT, json.dumps(SCHEMA, indent=2), True)


PLAN_TOOLS = (Tool("Fix", "mends it", (ContentType.IMAGE,), ContentType.TEXT),)
STEP_TOOLS = (step_tool("hotels", "finds hotels"), step_tool("flights", "finds flights"))
LABELS = ("Yes", "No")


def trained(query: str, instruction: str, output: str) -> Iterator[Message]:
    """The prompts that the embedded model knows."""
    yield from prompts.design(query, PLAN_TOOLS, 7)
    yield from prompts.revision(output, prompts.score_verdict(0.5))
    yield from prompts.revision(output, prompts.error_verdict("Error"))
    yield from prompts.reflection(output, 0.5, [prompts.failed_step("Step 1", output, 0.1)])
    yield from prompts.execution(query, PLAN_TOOLS, instruction)
    yield prompts.step(instruction)
    yield from prompts.branch(instruction, output, LABELS)
    yield prompts.branch_again(LABELS)


def written(query: str, instruction: str, output: str) -> Iterator[Message]:
    """The prompts for writing workflows that the embedded model does not know."""
    for named, as_json in ((True, False), (False, True), (True, True)):
        yield from prompts.design(query, PLAN_TOOLS, 7, named=named, as_json=as_json)
    # What is empty is not shown.
    failure = prompts.StepFailure(
        "Step 1", output, 0.1, f"do {instruction}", "hotels", f"in {output}", f"out {output}", f"say {query}"
    )
    yield from prompts.reflection(output, 0.5, [prompts.told_failure(failure)])
    chat = prompts.design(query, (), 7)
    yield from prompts.step_to_change(chat, instruction)
    yield from prompts.structure_to_change(chat)
    yield from prompts.steps_named(prompts.step_names(chat, 7), ["Read it", instruction])
    found = [
        prompts.finding(3, "unknown-target", instruction, f"do {output}"),
        prompts.finding(3, "unknown-target", instruction, "", as_json=True),
        prompts.finding(0, "no-steps", query, ""),
    ]
    yield from prompts.correction(output, [prompts.CUT_OFF, *found])


def recalled(query: str, instruction: str, output: str) -> Iterator[Message]:
    """The prompts about earlier answers."""
    beginning = prompts.shortened("beginning", 100)
    entries = [prompts.memory_entry("Step 1 #1", instruction, held) for held in (output, beginning)]
    for part in (prompts.memory_part(entries, prompts.missing(1, 2)), prompts.memory_part([], "")):
        yield from prompts.recalling(query, PLAN_TOOLS, part, instruction)
    yield from prompts.relevance(query, instruction, "Step 1 #1", output)
    lines = [prompts.selection_line(1, "Step 1 #1", output)]
    for again in (False, True):
        yield from prompts.selection(query, instruction, lines, again=again)


def stepwise(query: str, instruction: str, output: str) -> Iterator[Message]:
    """The prompts about tools, one for each part of a step."""
    yield from prompts.tool_needed(query, instruction, STEP_TOOLS)
    for tools in (STEP_TOOLS, STEP_TOOLS * 14):
        yield from prompts.tool_choice(query, instruction, tools)
        yield prompts.option_again(len(tools))
    for earlier in ("", "earlier", f"{output}\n"):
        yield from prompts.tool_arguments(query, instruction, output, earlier, STEP_TOOLS[0])
    yield prompts.arguments_again(output)
    for failed in (False, True):
        yield from prompts.tool_summary(query, instruction, output, "hotels", output, output, failed)


def fused(query: str, instruction: str, output: str) -> Iterator[Message]:
    """The prompts that ask once a step, and their schemas."""
    for tools in ((), STEP_TOOLS):
        for labels in (("next",), LABELS):
            turn = prompts.fused_turn("", instruction, labels, bool(tools))
            for plan_tools in ((), PLAN_TOOLS):
                yield from prompts.fused_opening(query, plan_tools, tools, turn)
            yield Message(Role.SYSTEM, json.dumps(prompts.step_schema(tools, labels).schema))
    for failed in (False, True):
        told = prompts.fused_observation("hotels", '{"city": "Bonn"}', output, failed)
        yield prompts.step(told + prompts.fused_turn(output, instruction, LABELS, True))
    yield prompts.step_again(output)
    yield prompts.step(prompts.step_function(STEP_TOOLS, LABELS).description)

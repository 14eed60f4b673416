"""Tools with arguments that are quick to understand, and arguments for them, right ones and wrong ones.

What a tool makes depends on its arguments alone, so that two executions that call alike see alike.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from autoflow.suites import ContentType, Tool
from autoflow.v1 import task_pb2
from autoflow.v1.tool_service_pb2 import CallToolRequest, CallToolResponse, ToolResult

Arguments: TypeAlias = dict[str, Any]

_TOWNS = ("Bonn", "Graz", "Lund", "Pisa")


@dataclass(frozen=True, slots=True)
class SimpleTool:
    """A tool; one of `autoflow.tools.built_in.source.BuiltInTool`."""

    tool: Tool
    """What it is."""
    work: Callable[..., str]
    """What it makes of its arguments."""
    draw: Callable[[random.Random], Arguments]
    """Arguments by its schema."""
    spoil: Callable[[Arguments], Arguments]
    """Makes them wrong."""

    def __call__(self, **arguments: Any) -> str:
        """Does it."""
        return self.work(**arguments)


def _tool(
    name: str, description: str, properties: Mapping[str, Any], *, idempotent: bool, **more: object
) -> Tool:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }
    text = ContentType.TEXT
    return Tool(name, description, (text,), text, json.dumps(schema), idempotent)


SIMPLE_TOOLS: Mapping[str, SimpleTool] = MappingProxyType(
    {
        each.tool.name: each
        for each in (
            SimpleTool(
                _tool(
                    "add",
                    "Adds two whole numbers.",
                    {"a": {"type": "integer"}, "b": {"type": "integer"}},
                    idempotent=True,
                ),
                work=lambda a, b: f"{a} and {b} make {a + b}",
                draw=lambda rng: {"a": rng.randint(-999, 999), "b": rng.randint(-999, 999)},
                spoil=lambda right: {**right, "b": str(right["b"])},
            ),
            SimpleTool(
                _tool(
                    "weather",
                    "Tells the weather of a town on a day of this month.",
                    {
                        "town": {"type": "string", "enum": list(_TOWNS)},
                        "day": {"type": "integer", "minimum": 1, "maximum": 31},
                    },
                    idempotent=True,
                ),
                work=lambda town, day: f"In {town} it is {'dry' if (len(town) + day) % 2 else 'wet'}",
                draw=lambda rng: {"town": rng.choice(_TOWNS), "day": rng.randint(1, 31)},
                spoil=lambda right: {**right, "town": "Atlantis"},
            ),
            SimpleTool(
                _tool(
                    "book",
                    "Books seats, each time anew.",
                    {
                        "guests": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                        "quiet": {"type": "boolean"},
                    },
                    idempotent=False,
                ),
                work=lambda guests, quiet: f"{len(guests)} {'quiet ' if quiet else ''}seats are booked",
                draw=lambda rng: {
                    "guests": [
                        f'guest {rng.randint(1, 99)}, with "friends"' for _ in range(rng.randint(1, 3))
                    ],
                    "quiet": rng.random() < 0.5,
                },
                spoil=lambda right: {**right, "guests": []},
            ),
        )
    }
)
"""By their names; `book` alone is not to be repeated."""


def simple_answer(request: CallToolRequest) -> CallToolResponse:
    """What comes of a call of one of them; for `ScriptedTools`."""
    work = SIMPLE_TOOLS[request.tool]
    made = [work(**json.loads(sample.inputs[0].text)) for sample in request.samples]
    return CallToolResponse(results=[ToolResult(output=task_pb2.Content(text=text)) for text in made])

"""How tools are described to a model: those that a plan may name, and those that a step may call."""

from __future__ import annotations

import json
from collections.abc import Sequence

from autoflow.suites.model import Tool


def tools_paragraph(tools: Sequence[Tool]) -> str:
    """The end of a system message that lists tools with their types; empty where there are none."""
    if not tools:
        return ""
    lines = "\n".join(f"- {_signature(tool)}" for tool in tools)
    return f"\n\nModels that a plan may name:\n{lines}"


def compact_schema(tool: Tool) -> str:
    """The schema of a tool's arguments without white space, and without the name of its dialect.

    Raises:
        ValueError: the tool has none; only those that have one are called with arguments.
    """
    schema = json.loads(tool.arguments_schema)
    schema.pop("$schema", None)
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def _signature(tool: Tool) -> str:
    return f"{tool.name} ({' + '.join(tool.inputs)} to {tool.output}): {tool.description}"

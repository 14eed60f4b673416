"""How tools are described to a model."""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.suites.model import Tool


def tools_paragraph(tools: Sequence[Tool]) -> str:
    """The end of a system message that lists tools with their types; empty where there are none."""
    if not tools:
        return ""
    lines = "\n".join(f"- {_signature(tool)}" for tool in tools)
    return f"\n\nModels that a plan may name:\n{lines}"


def _signature(tool: Tool) -> str:
    return f"{tool.name} ({' + '.join(tool.inputs)} to {tool.output}): {tool.description}"

"""Whether a tool that a source names can be used."""

from __future__ import annotations

import re

from autoflow.suites import ContentType, Tool
from autoflow.tools.arguments import Arguments

_NAME = re.compile(r"[^,\r\n]{1,80}")
"""As `Tool` of the contract has it."""


def tool_problem(tool: Tool) -> str:
    """Why a tool with an arguments schema cannot be used; empty where it can."""
    if not _NAME.fullmatch(tool.name):
        return "its name has 1 to 80 characters, without commas or line breaks"
    if tool.inputs != (ContentType.TEXT,):
        return "a tool with an arguments schema takes one text"
    try:
        Arguments(tool.arguments_schema)
    except ValueError as error:
        return f"its arguments schema cannot be used: {error}"
    return ""

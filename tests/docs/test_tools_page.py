"""What docs/tools.md shows is in the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from autoflow_interpreter.service import InterpreterSettings

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "tools.md").read_text()


def test_the_tool_that_is_shown_is_the_examples() -> None:
    [shown] = re.findall(r"^```typescript\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    assert shown in (_ROOT / "examples" / "typescript-tools" / "src" / "summarization.ts").read_text()


def test_the_settings_are_those_there_are() -> None:
    shown = re.findall(r"^\| `AUTOFLOW_(\w+)` \| ?(\S*) \|", _PAGE, re.MULTILINE)
    known = {field.name.upper(): str(field.default) for field in fields(InterpreterSettings)}
    assert {name: known[name] for name, _ in shown} == dict(shown)
    # The others have nothing to do with tools.
    assert known.keys() - dict(shown) == {"INTERPRETER_MAX_EXECUTIONS", "INTERPRETER_MAX_TOKENS"}

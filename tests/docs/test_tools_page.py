"""What docs/tools.md shows is in the code."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from autoflow.tools.built_in.calculator import Calculator
from autoflow.tools.built_in.source import CannotDo
from autoflow.tools.file import read_tools_file
from autoflow_interpreter.settings import InterpreterSettings

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "tools.md").read_text()


def test_the_tool_that_is_shown_is_the_examples() -> None:
    [shown] = re.findall(r"^```typescript\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    assert shown in (_ROOT / "examples" / "typescript-tools" / "src" / "summarization.ts").read_text()


def test_the_settings_are_those_there_are() -> None:
    known = {field.name.upper(): str(field.default) for field in fields(InterpreterSettings)}
    shown: dict[str, str] = {}
    for page in ("tools", "executions", "memory"):
        text = (_ROOT / "docs" / f"{page}.md").read_text()
        shown |= re.findall(r"^\| `AUTOFLOW_(\w+)` \| ?(\S*) \|", text, re.MULTILINE)
    assert shown == known


def test_the_file_that_is_shown_can_be_read(tmp_path: Path) -> None:
    shown, _ = re.findall(r"^```yaml\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "notes.md").write_text("The key is with the porter.")
    file = tmp_path / "tools.yaml"
    file.write_text(shown)
    assert [source.entry.name for source in read_tools_file(file, {})] == ["own", "everything", "travel"]


def test_what_the_calculator_is_shown_to_say_it_says() -> None:
    shown = re.findall(r"^\$ autoflow tools call calculator --arguments '(.*)'\n(.*)$", _PAGE, re.MULTILINE)
    assert len(shown) == 2
    for arguments, said in shown:
        try:
            found = Calculator()(**json.loads(arguments))
        except CannotDo as refused:
            found = f"autoflow: {refused}"
        assert found == said

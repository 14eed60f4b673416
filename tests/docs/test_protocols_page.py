"""What docs/protocols.md shows is what is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from autoflow import prompts
from autoflow.llm.base import Message
from autoflow.suites import ContentType, Tool

_PAGE = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()
_TOOLS = [Tool(name, "", (ContentType.TEXT,), ContentType.TEXT, "{}") for name in ("hotels", "flights")]
_LABELS = ["Yes", "No"]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)\n```$", _PAGE, re.MULTILINE | re.DOTALL)


def test_the_turn_that_is_shown_is_one() -> None:
    observed = prompts.fused_observation("hotels", '{"city": "Bonn"}', "name,price\nPost,90", failed=False)
    turn = prompts.fused_turn("", "Is the hotel within the budget?", _LABELS, tools_allowed=True)
    assert observed + turn in _blocks("text")


def test_the_schema_that_is_shown_is_the_replys() -> None:
    [shown] = _blocks("json")
    schema = prompts.step_schema(_TOOLS, _LABELS).schema
    # As texts: the order of the fields counts.
    assert json.dumps(json.loads(shown)) == json.dumps(schema)


def test_the_correction_that_is_shown_is_one() -> None:
    reply = {"answer": "", "tool": "none", "arguments": "", "branch": "maybe"}
    with pytest.raises(prompts.UnusableReply) as refused:
        prompts.read_step(json.dumps(reply), _TOOLS, _LABELS)
    correction: Message = prompts.step_again(str(refused.value))
    assert correction.content in _blocks("text")


def test_the_newest_version_is_the_prompts() -> None:
    table = _PAGE.split("| version | |")[1]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE)[-1] == prompts.VERSION

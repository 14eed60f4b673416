"""What docs/memory.md shows is what comes out, and its settings are those there are."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from autoflow import prompts
from autoflow_interpreter.events import MemoryStrategy
from autoflow_interpreter.memory.entries import Entries
from autoflow_interpreter.settings import InterpreterSettings

_PAGE = (Path(__file__).parents[2] / "docs" / "memory.md").read_text()


def test_the_prompt_that_is_shown_is_one() -> None:
    [shown] = re.findall(r"^```text\n(.*?)\n```$", _PAGE, re.MULTILINE | re.DOTALL)
    entries = Entries()
    entries.remember("Step 2", "List the hotels", "|name|price|\n|-|-|\n|Post|90|\n|Krone, Deutz|70|")
    blocks = [prompts.memory_entry(entry.key, entry.description, entry.content.text) for entry in entries]
    part = prompts.memory_part(blocks, prompts.missing(1, 0))
    _, asked = prompts.recalling("Plan a weekend in Bonn.", [], part, "Choose where to stay")
    assert asked.content == shown


def test_the_settings_are_those_there_are() -> None:
    shown = dict(re.findall(r"^\| `AUTOFLOW_(\w+)` \| (\S*) \|", _PAGE, re.MULTILINE))
    known = {field.name.upper(): str(field.default) for field in fields(InterpreterSettings)}
    assert shown == {name: value for name, value in known.items() if "_MEMORY_" in name}


def test_every_strategy_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", _PAGE.split("## Entries")[0], re.MULTILINE) == list(MemoryStrategy)

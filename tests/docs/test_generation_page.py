"""What docs/generation.md says of names and defaults is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from autoflow.v1 import generator_service_pb2 as pb
from autoflow_generator import chats, fitting, guidance, scope
from autoflow_generator.guidance import Guidance

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "generation.md").read_text(encoding="utf-8")


def test_the_codes_are_those_there_are() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| error \|", _PAGE, re.MULTILINE)
    assert rows == [guidance.NOT_BY_SCHEMA, scope.OUT_OF_SCOPE]


def test_every_guidance_is_explained() -> None:
    shown = re.findall(r"^   \| `(\w+)` \|", _PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(Guidance)


def test_every_field_that_is_named_is_one() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", _PAGE.split("## For whoever learns")[1], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"\w+", row)}
    assert named <= set(pb.Candidate.DESCRIPTOR.fields_by_name)
    assert {"raw_text", "changes", "drafts", "duplicate_of", "repeats_attempt"} <= named
    values = set(pb.Mending.keys()) | set(pb.StepNaming.keys())
    assert set(re.findall(r"`((?:MENDING|STEP_NAMING)_\w+)`", _PAGE)) <= values


def test_the_bounds_are_those_of_the_code() -> None:
    assert fitting._SHARE == 4
    assert "kept a quarter of it" in _PAGE
    assert f"under {chats._LEAST_CONTEXT:,} tokens" in _PAGE
    assert chats._FEW_FAILURES == 3
    assert "all but\n   three failures" in _PAGE

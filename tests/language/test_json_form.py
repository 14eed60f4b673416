"""JSON carries every workflow, and what is not by the schema is refused."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.language import Workflow, from_json, to_json, workflow_schema

from .strategies import workflows

BRANCH = {"label": "next", "target": "B"}
STEP = {"name": "A", "type": "process", "instruction": "Look.", "branches": [BRANCH]}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["process", "terminal"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*STEP, *BRANCH]), inner),
    max_leaves=12,
)


def _fits(document: object) -> bool:
    return jsonschema.Draft202012Validator(workflow_schema()).is_valid(document)


@given(workflows())
def test_a_workflow_survives_and_is_by_the_schema(workflow: Workflow) -> None:
    text = to_json(workflow)
    assert from_json(text) == workflow
    assert _fits(json.loads(text))


@pytest.mark.parametrize(
    "step",
    [
        {**STEP, "type": "loop"},
        {**STEP, "type": None},
        {**STEP, "instruction": 3},
        {**STEP, "branches": {}},
        {**STEP, "branches": [{"label": "next"}]},
        {**STEP, "branches": [{**BRANCH, "when": "now"}]},
        {**STEP, "colour": "red"},
        {key: value for key, value in STEP.items() if key != "name"},
        "A",
    ],
)
def test_what_is_not_by_the_schema_is_refused(step: Any) -> None:
    document = {"steps": [step]}
    assert not _fits(document)
    with pytest.raises(ValueError, match=r"step 1|StepType"):
        from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"steps": []}', "[" * 100_000])
def test_what_is_no_workflow_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(text)


@given(st.fixed_dictionaries({"steps": st.lists(VALUES | st.just(STEP), max_size=3)}))
def test_nothing_beyond_the_schema_is_read(document: dict[str, Any]) -> None:
    try:
        from_json(json.dumps(document))
    except ValueError:
        return
    assert _fits(document)

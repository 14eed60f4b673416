"""A workflow as JSON, for models that answer in JSON by a schema.

The schema keeps to what strict structured outputs allow: every property is required and no other admitted. It
says less than the language: what it lets through may be unsound, so whoever decodes a workflow lints it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autoflow.language.model import Branch, Step, StepType, Workflow


def workflow_schema() -> dict[str, Any]:
    """Returns the JSON schema of a workflow."""
    branch = _object({"label": {"type": "string"}, "target": {"type": "string"}})
    step = _object(
        {
            "name": {"type": "string"},
            "type": {"type": "string", "enum": [kind.value for kind in StepType]},
            "instruction": {"type": "string"},
            "branches": {"type": "array", "items": branch},
        }
    )
    return _object({"steps": {"type": "array", "items": step}})


def to_json(workflow: Workflow) -> str:
    """Returns a workflow as JSON by the schema."""
    steps = [
        {
            "name": step.name,
            "type": step.type.value,
            "instruction": step.instruction,
            "branches": [{"label": branch.label, "target": branch.target} for branch in step.branches],
        }
        for step in workflow.steps
    ]
    return json.dumps({"steps": steps}, ensure_ascii=False)


def from_json(text: str) -> Workflow:
    """Reads a workflow from JSON by the schema.

    Raises:
        ValueError: It is no JSON, or not by the schema, or holds what the language cannot carry.
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    (steps,) = _values(document, "the workflow", steps=list)
    return Workflow(tuple(_step(each, f"step {i}") for i, each in enumerate(steps, start=1)))


def _step(value: object, what: str) -> Step:
    name, type_, instruction, branches = _values(
        value, what, name=str, type=str, instruction=str, branches=list
    )
    arrows = (_values(each, f"a branch of {what}", label=str, target=str) for each in branches)
    return Step(name, StepType(type_), instruction, tuple(Branch(*arrow) for arrow in arrows))


def _values(value: object, what: str, **types: type) -> list[Any]:
    """Returns the properties of an object, each of its type."""
    if not isinstance(value, dict) or value.keys() != types.keys():
        raise ValueError(f"{what} is not an object with exactly {', '.join(types)}")
    for name, type_ in types.items():
        if not isinstance(value[name], type_):
            raise ValueError(f"{name} of {what} is not a {'list' if type_ is list else 'text'}")
    return [value[name] for name in types]


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }

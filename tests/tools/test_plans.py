"""Tools with arguments beside those of plans: no plan names them, and other suites are what they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoflow.plans import PlanReference, plan_valid
from autoflow.suites import ContentType, Tool, load_suite
from autoflow.suites.model import digest_of

TEXT = ContentType.TEXT


def test_the_digest_of_a_suite_holds_what_it_held_before() -> None:
    suite = load_suite("planning")
    tools = [(tool.name, tool.description, tool.inputs, tool.output) for tool in suite.tools]
    tasks = [(split, [(task.id, task.digest) for task in suite.splits[split]]) for split in suite.splits]
    assert suite.digest == digest_of([suite.goal, tools, tasks])


@pytest.mark.parametrize("change", [{"arguments_schema": "{}"}, {"idempotent": True}])
def test_it_also_holds_arguments_where_there_are_some(change: dict[str, object]) -> None:
    suite = load_suite("planning")
    first, *others = suite.tools
    changed = replace(suite, tools=(replace(first, **change), *others))  # type: ignore[arg-type]
    assert changed.digest != suite.digest


def test_a_plan_that_names_a_tool_with_arguments_is_none() -> None:
    plain = Tool("Summarize", "shortens", (TEXT,), TEXT)
    reference = PlanReference((plain,), (TEXT,), TEXT, (("Summarize",),))
    assert plan_valid("Summarize", reference) == 1.0
    called = replace(plain, arguments_schema='{"type": "object"}')
    assert plan_valid("Summarize", replace(reference, tools=(called,))) == 0.0

"""The suite as a `TaskSuite`, whose answers a judge scores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoflow.errors import NotFound
from autoflow.suites import ContentType, Split, Task, TaskSuite, Tool, load_suite
from autoflow.suites.travel import TRAVEL_TOOLS, judged_suite
from tests.suites.travel.country import SUITE

JUDGED = judged_suite(SUITE)


def test_it_has_the_tasks_and_tools_of_the_suite() -> None:
    for split in Split:
        asked = [(task.id, task.stratum, SUITE.asked(task)) for task in SUITE.tasks(split)]
        assert [(task.id, task.stratum, task.query) for task in JUDGED.tasks(split)] == asked
        assert all(task.query.endswith(SUITE.guide) for task in JUDGED.tasks(split))
    assert [tool.name for tool in JUDGED.tools] == [tool.name for tool in TRAVEL_TOOLS]
    assert (JUDGED.step_tools, JUDGED.plan_tools) == (JUDGED.tools, ())
    assert load_suite("travel").digest == JUDGED.digest
    drawn = JUDGED.stratified(Split.TEST, 9, seed=0)
    assert len({task.stratum for task in drawn}) == 9


def test_its_judge_scores_as_the_suite_does() -> None:
    assert JUDGED.judge is not None
    for task, judged in zip(SUITE.tasks(Split.TEST)[::9], JUDGED.tasks(Split.TEST)[::9], strict=True):
        for answer in (judged.reference, judged.reference.replace('"dinner"', '"supper"'), "no"):
            assert JUDGED.judge.score(judged, answer) == SUITE.score(task, answer)
        assert JUDGED.judge.score(judged, judged.reference).final_pass
    with pytest.raises(NotFound, match="has no task 'elsewhere'"):
        JUDGED.judge.score(replace(judged, id="elsewhere"), "")


def test_a_digest_names_all_that_answers_are_judged_by() -> None:
    task = JUDGED.tasks(Split.TRAIN)[0]
    assert replace(task, answer="another").digest == task.digest
    assert replace(task, data="another").digest != task.digest
    tasks = [task.digest for split in Split for task in JUDGED.tasks(split)]
    assert len(set(tasks)) == len(tasks)


def test_a_suite_needs_plans_or_a_judge() -> None:
    task = Task("a", "all", "Well?", (ContentType.TEXT,), ContentType.TEXT, ())
    tools = (Tool("Tool", "", (ContentType.TEXT,), ContentType.TEXT),)
    with pytest.raises(ValueError, match="'a' has no accepted plan"):
        TaskSuite("t", "g", tools, {split: (task,) if split is Split.TEST else () for split in Split})
    planned = replace(task, accepted=(("Tool", "Tool"),))
    assert planned.reference == "Tool, Tool"
    assert replace(task, answer="So.").reference == "So."

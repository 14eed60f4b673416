"""Plans that are wrong by one step, and plans by chance, as the benchmark of rewards makes them."""

from __future__ import annotations

import random

from autoflow.plans import chains
from autoflow.suites import Split, Task, load_suite
from benchmarks.plan_corruptions import LONGEST, Change, corruptions, fits, random_plans

SUITE = load_suite("planning")
TOOLS = {tool.name: tool for tool in SUITE.tools}
NOISY = "Image Denoising"
CAPTION = "Image Captioning"


def task_with(*plan: str) -> Task:
    """A task whose reference plan this is."""
    return next(task for split in Split for task in SUITE.tasks(split) if task.accepted[0] == plan)


def test_every_change_of_one_step_is_there_once() -> None:
    found = corruptions(task_with(NOISY, CAPTION), SUITE.tools)
    by_plan = {one.plan: one.change for one in found}
    assert len(by_plan) == len(found)
    assert by_plan[CAPTION,] == Change.MISSING
    assert by_plan[CAPTION, NOISY] == Change.SWAPPED
    assert by_plan["Image Deblurring", CAPTION] == Change.REPLACED
    assert by_plan[NOISY, NOISY, CAPTION] == Change.ADDED
    changes = [one.change for one in found]
    # Two of 42 additions repeat a step, which is the same before and after it.
    counts = {change: changes.count(change) for change in Change}
    assert counts == {Change.MISSING: 2, Change.SWAPPED: 1, Change.REPLACED: 26, Change.ADDED: 40}


def test_accepted_plans_are_no_corruptions() -> None:
    for split in Split:
        for task in SUITE.tasks(split):
            if task.id.endswith("/1"):
                assert not {one.plan for one in corruptions(task, SUITE.tools)} & set(task.accepted)


def test_types_are_told() -> None:
    task = task_with(NOISY, CAPTION)
    for one in corruptions(task, SUITE.tools):
        assert one.fits is chains(one.plan, TOOLS, task.inputs, task.output)
    assert fits(task, (CAPTION,), TOOLS)
    assert not fits(task, (CAPTION, NOISY), TOOLS)


def test_plans_by_chance_fit_and_have_every_length() -> None:
    task = task_with(NOISY, CAPTION)
    plans = random_plans(task, SUITE.tools, 40, random.Random(0))
    assert plans == random_plans(task, SUITE.tools, 40, random.Random(0))
    assert all(fits(task, plan, TOOLS) for plan in plans)
    assert {len(plan) for plan in plans} == set(range(1, LONGEST + 1))

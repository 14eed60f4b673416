"""The built-in suite: its structure, its splits, its reference plans."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import NotFound
from autoflow.language import check
from autoflow.plans import PlanReference, plan_exact, plan_f1
from autoflow.suites import ContentType, Split, Task, TaskSuite, load_suite, suite_names, workflow_text
from autoflow.suites.planning import Fault, Language, Source, Wanted, all_combinations, split_combinations

SUITE = load_suite("planning")


def reference(task: Task) -> PlanReference:
    return PlanReference(SUITE.tools, task.inputs, task.output, task.accepted)


def test_every_meaningful_combination_is_there_once() -> None:
    everything = all_combinations()
    assert len(set(everything)) == len(everything) == len({combination.id for combination in everything})
    images = [c for c in everything if c.source is Source.IMAGE]
    assert Counter(c.wanted for c in images) == {
        Wanted.RESTORED_IMAGE: 15,
        Wanted.CAPTION: 32,
        Wanted.CLASS: 32,
        Wanted.OBJECTS: 32,
    }
    assert sum(c.source is Source.IMAGE_AND_QUESTION for c in everything) == 32
    assert sum(c.source is Source.TEXT_AND_QUESTION for c in everything) == 4
    assert {c.wanted for c in everything if c.source is Source.TEXT} == {
        Wanted.COMPLETE_TEXT,
        Wanted.SENTIMENT,
        Wanted.SUMMARY,
        Wanted.TRANSLATION,
        Wanted.NEW_IMAGE,
    }


def test_the_splits_are_disjoint_by_combination_and_complete() -> None:
    splits = split_combinations()
    members = [combination for split in Split for combination in splits[split]]
    assert len(members) == len(set(members)) == len(all_combinations())
    assert len(splits[Split.TEST]) / len(members) == pytest.approx(0.3, abs=0.03)
    for combination in splits[Split.TEST]:
        group = [
            c for c in splits[Split.TRAIN] if (c.source, c.wanted) == (combination.source, combination.wanted)
        ]
        assert group, "every kind of task is also learned from"


@pytest.mark.parametrize("split", list(Split))
def test_every_accepted_plan_earns_everything(split: Split) -> None:
    for task in SUITE.tasks(split):
        for plan in task.accepted:
            assert (
                plan_f1(", ".join(plan), reference(task))
                == plan_exact(", ".join(plan), reference(task))
                == 1.0
            )


def test_a_reference_plan_mends_makes_and_translates() -> None:
    task = next(t for t in SUITE.tasks(Split.TRAIN) if t.id.startswith("image.noise.blur.caption.german"))
    assert task.accepted == (
        ("Image Denoising", "Image Deblurring", "Image Captioning", "Machine Translation"),
        ("Image Deblurring", "Image Denoising", "Image Captioning", "Machine Translation"),
    )


def test_a_query_says_what_the_plan_depends_on() -> None:
    words = {
        Fault.LOW_RESOLUTION: ("low-resolution", "small", "pixelated"),
        Fault.NOISE: ("noisy", "grainy", "speckled"),
        Fault.BLUR: ("blurry", "blurred", "out-of-focus"),
        Fault.GRAYSCALE: ("grayscale", "black-and-white", "colorless"),
        Fault.GAPS: ("gaps", "clozed", "masked"),
    }
    by_id = {combination.id: combination for combination in all_combinations()}
    for split in Split:
        for task in SUITE.tasks(split):
            combination = by_id[task.id.rpartition("/")[0]]
            for fault, ways in words.items():
                named = any(way in task.query.lower() for way in ways)
                if fault in combination.faults:
                    assert named, task.query
                elif combination.wanted is not Wanted.COMPLETE_TEXT:
                    assert not named, task.query
            if combination.language is Language.GERMAN:
                assert "German" in task.query


def test_the_digest_is_of_the_content() -> None:
    assert load_suite("planning").digest == SUITE.digest
    fewer = TaskSuite(
        SUITE.title, SUITE.goal, SUITE.tools, {**SUITE.splits, Split.TRAIN: SUITE.tasks(Split.TRAIN)[1:]}
    )
    assert fewer.digest != SUITE.digest


def test_overlapping_splits_are_refused() -> None:
    shared = SUITE.tasks(Split.TEST)[0]
    copy = Task("copy", shared.stratum, shared.query, shared.inputs, shared.output, shared.accepted)
    with pytest.raises(ValueError, match="has the content of"):
        TaskSuite("bad", "", SUITE.tools, {Split.TRAIN: (copy,), Split.VALIDATION: (), Split.TEST: (shared,)})
    with pytest.raises(ValueError, match="two tasks have the id"):
        TaskSuite(
            "bad", "", SUITE.tools, {Split.TRAIN: (shared, shared), Split.VALIDATION: (), Split.TEST: ()}
        )


@given(st.integers(1, 200), st.integers(0, 10_000))
def test_a_stratified_draw_keeps_proportions(count: int, seed: int) -> None:
    tasks = SUITE.tasks(Split.TRAIN)
    drawn = SUITE.stratified(Split.TRAIN, count, seed)
    assert len(drawn) == len({task.id for task in drawn}) == min(count, len(tasks))
    assert drawn == SUITE.stratified(Split.TRAIN, count, seed)
    share = len(drawn) / len(tasks)
    for stratum, size in Counter(task.stratum for task in tasks).items():
        assert abs(sum(task.stratum == stratum for task in drawn) - share * size) <= 1


def test_suites_are_found_by_name() -> None:
    assert suite_names() == ("planning", "travel")
    assert [load_suite(name).title for name in suite_names()] == list(suite_names())
    with pytest.raises(NotFound, match="planning"):
        load_suite("cooking")


@pytest.mark.parametrize("name", ["baseline", "expert"])
def test_the_hand_written_workflows_lint(name: str) -> None:
    checked = check(workflow_text(name))
    assert checked.ok
    assert checked.workflow is not None
    assert checked.workflow.text == workflow_text(name), "they are written canonically"


def test_outputs_are_of_a_type() -> None:
    assert {task.output for split in Split for task in SUITE.tasks(split)} == set(ContentType)

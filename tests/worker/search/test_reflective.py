"""The reflective search: whom it changes, what it shows, whom it screens out, and when it starts afresh."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import pytest

from autoflow.suites import Split, Task
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import CallFailed, Step
from autoflow_worker.refinement import Attempt
from autoflow_worker.results import Fate
from autoflow_worker.search.base import Cell
from autoflow_worker.search.blame import blamed
from autoflow_worker.search.population import Member
from autoflow_worker.search.reflective import PATIENCE, Reflective
from tests.worker.doubles import ScriptedInterpreter, workflow
from tests.worker.scripted_generator import ScriptedGenerator
from tests.worker.search.searching import SUITE, Hunt, TracingInterpreter

HALF, RIGHT, WRONG = "Alpha, Gamma", "Alpha, Beta", "Gamma"
"""Plans worth 1/2, 1 and 0 on every task."""


class InTurn:
    """Writes given texts one after another, then the last one again and again."""

    def __init__(self, *texts: str | None) -> None:
        self._texts = list(texts)

    def __call__(self, *_: object) -> str | None:
        return self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]


def hunt(
    designs: Sequence[str | None],
    children: Sequence[str | None],
    *,
    candidates: int = 1,
    interpreter: ScriptedInterpreter | None = None,
) -> Hunt:
    """A search by one candidate at a time, on three tasks, whose interpreter answers what a workflow says."""
    generator = ScriptedGenerator(InTurn(*designs), refine=InTurn(*children))
    return Hunt(
        "reflective",
        candidates=candidates,
        tasks=3,
        iterations=20,
        generator=generator,
        interpreter=interpreter or TracingInterpreter(),
    )


async def test_the_model_is_shown_the_failed_steps_of_failed_tasks() -> None:
    search = hunt([HALF], [RIGHT])
    await search.go(2)
    (((shown,), _),) = search.generator.shown
    assert (shown.text, shown.score) == (workflow(HALF).text, 0.5)
    assert len(shown.failures) == 3
    assert {failure.score for failure in shown.failures} == {0.5}
    # The last step only tells what the first one has found.
    step = Step("Step 1", "Begin", f"I found {HALF}")
    assert {failure.step for failure in shown.failures} == {step}
    assert len({failure.query for failure in shown.failures}) == 3


async def test_a_child_that_leads_sees_the_whole_panel_and_one_that_does_worse_no_more() -> None:
    search = hunt([HALF], [WRONG, RIGHT])
    await search.go(3)
    design, worse, better = search.candidates
    parents = (workflow(HALF).digest,)
    assert (design.fate, design.tasks, design.parents) == (Fate.KEPT, 3, ())
    # Two tasks of three, and it cannot win any more.
    assert (worse.fate, worse.tasks, worse.parents) == (Fate.SCREENED_OUT, 2, parents)
    assert worse.reason == "0.00, no better than its parent's 0.50 on the same 2 tasks"
    assert (better.fate, better.tasks, better.parents) == (Fate.KEPT, 6, parents)
    assert better.reason == "1.00, better than its parent's 0.50 on the same 3 tasks"
    assert search.search.workflows == (workflow(RIGHT), workflow(HALF))


async def test_a_child_and_its_parent_are_screened_on_the_same_tasks() -> None:
    search = hunt([HALF], [WRONG])
    await search.go(2)
    tasks: dict[str, set[str]] = {}
    for text, task in search.interpreter.calls:
        tasks.setdefault(text, set()).add(task)
    assert tasks[workflow(WRONG).text] < tasks[workflow(HALF).text]


async def test_a_child_that_is_as_good_joins_only_where_it_is_cheaper() -> None:
    search = hunt([HALF], ["Alpha, Delta"])
    await search.go(2)
    assert [candidate.fate for candidate in search.candidates] == [Fate.KEPT, Fate.SCREENED_OUT]


async def test_whoever_is_dominated_is_not_changed_any_more() -> None:
    search = hunt([HALF], [RIGHT, *(f"{WRONG}, Delta {number}" for number in range(20))])
    await search.go(6)
    parents = [candidate.parents for candidate in search.candidates if candidate.parents]
    assert parents[0] == (workflow(HALF).digest,)
    assert set(parents[1:]) == {(workflow(RIGHT).digest,)}
    members = search.search.state()["strategy"]["members"]
    assert [member["digest"] for member in members] == [workflow(RIGHT).digest]


def test_what_is_in_the_front_for_its_cost_alone_has_no_children() -> None:
    strategy = Reflective(Reflective.defaults, lambda index: (), seed=0)
    cells = {"dear": {"a": [1.0, 5.0]}, "cheap": {"a": [0.5, 1.0]}}
    members = [
        {"text": name, "digest": name, "cells": known, "failures": []} for name, known in cells.items()
    ]
    strategy.load({**strategy.state(), "members": members})
    drawn = [proposal.parents for index in range(20) for proposal in strategy.propose(index)]
    assert set(drawn) == {("dear",)}


def test_the_worst_failures_are_remembered_and_no_more_than_a_few() -> None:
    rewards = {"a": 0.5, "b": 1.0, "c": 0.0, "d": 0.75, "e": 0.25}
    cells = {task: Cell(reward, 1.0, f"{task}?", (Step("One"),)) for task, reward in rewards.items()}
    member = Member(workflow(HALF), cells)
    member.settle()
    assert [(failure.query, failure.score) for failure in member.failures] == [
        ("c?", 0.0),
        ("e?", 0.25),
        ("a?", 0.5),
    ]
    assert Member.of(member.state()) == member
    member.cells["f"] = Cell(0.1, 1.0, "f?", (Step("Two"),))
    member.settle()
    assert [failure.query for failure in member.failures] == ["c?", "f?", "e?"]


async def test_what_a_failed_iteration_learned_of_the_leader_is_forgotten() -> None:
    away = TracingInterpreter(failures=lambda found, task: 99 if found == workflow(HALF) else 0)
    search = hunt([RIGHT], [HALF], interpreter=away)
    await search.go(1)
    before, executed = search.search.state(), search.meter.ledger.executions
    with pytest.raises(CallFailed):
        await search.search.step()
    assert search.meter.ledger.executions > executed
    assert search.search.state() == before


async def test_it_is_remembered_which_changes_were_kept() -> None:
    search = hunt([HALF], [RIGHT, *(f"{WRONG}, Delta {number}" for number in range(20))], candidates=2)
    await search.go(4)
    before, after = hunt([HALF], [HALF]).search.state(), search.search.state()
    told = [candidate.fate is Fate.KEPT for candidate in search.candidates if candidate.parents]
    counted = [
        [now - then for now, then in zip(after["strategy"]["scopes"][scope], counts, strict=True)]
        for scope, counts in before["strategy"]["scopes"].items()
    ]
    assert [sum(column) for column in zip(*counted, strict=True)] == [told.count(True), told.count(False)]
    assert told.count(True) == 1


async def test_a_perfect_leader_is_measured_on_more_and_more() -> None:
    search = hunt([RIGHT], [HALF])
    await search.go(6)
    executed = [task for text, task in search.interpreter.calls if text == workflow(RIGHT).text]
    assert len(executed) > 9
    assert search.candidates[0].tasks == 6


async def test_when_nothing_is_kept_for_long_fresh_designs_are_mixed_in() -> None:
    search = hunt([HALF], [f"{WRONG}, Delta {number}" for number in range(20)], candidates=2)
    await search.go(2 + PATIENCE)
    fresh = [sum(not candidate.parents for candidate in report) for report in search.reports]
    # The second of the first two is a duplicate.
    assert fresh == [2, *[0] * PATIENCE, 1]


async def test_a_single_candidate_is_fresh_in_every_other_stalled_iteration() -> None:
    designs = [HALF, *(f"{WRONG}, Beta {number}" for number in range(20))]
    search = hunt(designs, [f"{WRONG}, Delta {number}" for number in range(20)])
    await search.go(1 + PATIENCE + 4)
    fresh = [not report[0].parents for report in search.reports]
    assert fresh[1 : 1 + PATIENCE] == [False] * PATIENCE
    assert sorted(fresh[1 + PATIENCE :]) == [False, False, True, True]


async def test_while_nothing_is_valid_the_model_is_shown_what_is_wrong() -> None:
    search = hunt([None], [None, HALF])
    await search.go(3)
    assert [candidate.fate for candidate in search.candidates] == [Fate.INVALID, Fate.INVALID, Fate.KEPT]
    broken = Attempt("Step 1", None, "the step has no type")
    assert [shown for shown, _ in search.generator.shown] == [(broken,)] * 2


async def test_a_change_is_of_a_step_that_failed_or_of_the_structure() -> None:
    search = hunt([HALF], [f"{WRONG}, Delta {number}" for number in range(60)], candidates=8)
    await search.go(6)
    changes = [change for _, change in search.generator.shown if change]
    assert {change.step for change in changes} == {"", "Step 1"}


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ([], None),
        ([Step("One", answer="Image Captioning"), Step("Two", answer="Image Captioning.")], "One"),
        (
            [Step("One", answer="Captioning"), Step("Two", answer="Yes"), Step("End", answer="captioning")],
            "One",
        ),
        ([Step("One", answer="nothing alike"), Step("End", answer="Translation")], "End"),
        ([Step("One", answer="Translation"), Step("Cut short")], "Cut short"),
    ],
)
def test_the_step_that_is_shown_is_where_the_answer_came_from(steps: list[Step], name: str | None) -> None:
    found = blamed(steps)
    assert (found.name if found else None) == name


def test_only_so_much_of_a_step_is_kept() -> None:
    found = blamed([Step("One", "i" * 9000, "a" * 9000, "tool", "x" * 9000, "y" * 9000)])
    assert found is not None
    kept = (found.instruction, found.answer, found.tool_input, found.tool_output)
    assert {len(text) for text in kept} == {2000}


def test_an_iteration_never_needs_more_than_it_says() -> None:
    """Many are perfect when the panel grows, and one after the other leads and turns out not to be."""

    def tasks_of(index: int) -> tuple[Task, ...]:
        return SUITE.stratified(Split.TRAIN, 3, index)

    strategy = Reflective(TrainingSettings(iterations=9, candidates=2, tasks=3), tasks_of, seed=0)
    perfect = {task.digest: [1.0, 3.0] for index in range(8) for task in tasks_of(index)}
    first = dict(islice(perfect.items(), 6))
    members = [
        {"text": f"w{number}", "digest": f"d{number}", "cells": first, "failures": []} for number in range(12)
    ]
    strategy.load({**strategy.state(), "members": members, "chunks": 3})
    said = strategy.most_executions(1)
    strategy.propose(1)
    needed = 0
    while wanted := strategy.wanted(1, []):
        for subject, tasks in wanted:
            subject.asked.update(task.digest for task in tasks)
            subject.cells.update({task.digest: Cell(0.0, 3.0) for task in tasks})
            needed += len(tasks)
    assert (needed, said) == (36, 36 + 2 * 9)

"""What a person is told before trusting a figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoflow.llm.base import Usage
from autoflow.power import minimum_detectable_effect
from autoflow.suites import Split, Task, TaskSuite
from autoflow.v1 import run_pb2
from autoflow_worker import flags
from autoflow_worker.convert import flag_to_proto
from autoflow_worker.flags import Flag, FlagKind
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Execution, Score, Workflow
from autoflow_worker.statistics import Estimate
from tests.worker.doubles import COST, Notebook, ScriptedInterpreter, suite, workflow
from tests.worker.evaluations import RIGHT, SHORT, Bench, evaluation


def kinds(found: list[Flag] | tuple[Flag, ...]) -> list[str]:
    return [flag.kind for flag in found]


@pytest.mark.parametrize(
    ("openings", "words"),
    [
        (2, "the 2nd run"),
        (3, "the 3rd run"),
        (11, "the 11th run"),
        (21, "the 21st run"),
        (104, "the 104th run"),
    ],
)
def test_a_test_split_that_was_opened_before_is_told(openings: int, words: str) -> None:
    (found,) = flags.reopened("mine", openings)
    assert found.kind is FlagKind.REOPENED
    assert words in found.message


@pytest.mark.parametrize("openings", [0, 1])
def test_the_first_opening_is_no_matter(openings: int) -> None:
    assert flags.reopened("mine", openings) == []


def test_at_most_twenty_tasks_are_named() -> None:
    (found,) = flags.missing("mine", [f"t{number}" for number in range(30)])
    assert found.message.startswith("30 tasks could not be measured")
    assert len(found.tasks) == 20
    assert flags.missing("mine", []) == []


def test_a_difference_is_flagged_where_so_few_tasks_cannot_see_it() -> None:
    effect = minimum_detectable_effect(25)
    (found,) = flags.underpowered("mine", Estimate(0.05, -0.1, 0.2), 25)
    assert f"tell one of {effect:.2f}" in found.message
    # It was seen, or it is large enough that it would have been.
    assert flags.underpowered("mine", Estimate(0.05, 0.01, 0.09), 25) == []
    assert flags.underpowered("mine", Estimate(effect, -0.1, 0.9), 25) == []
    assert flags.underpowered("mine", Estimate(0.0, 0.0, 0.0), 25) == []
    assert flags.underpowered("mine", None, 25) == []
    (few,) = flags.underpowered("mine", Estimate(0.5, -0.1, 1.0), 2)
    assert "2 independent tasks can tell none from chance" in few.message


def test_a_choice_among_more_needs_a_larger_difference() -> None:
    gain = Estimate(minimum_detectable_effect(25), -0.1, 0.9)
    assert flags.underpowered("mine", gain, 25, candidates=1) == []
    assert kinds(flags.underpowered("mine", gain, 25, candidates=8)) == ["underpowered"]


def test_uses_are_those_of_one_execution() -> None:
    cost = Ledger(executions=1, usage=Usage(4, 90, 10, cost_usd=0.5), tool_calls=2)
    row = (Score(True, 1.0, cost=cost), None, Score(True, 1.0, cost=cost))
    found = flags.uses(workflow("Alpha"), row)
    assert found == {
        "steps": 2,
        "words": len(workflow("Alpha").text.split()),
        "calls of the model": 4,
        "tokens": 100,
        "calls of tools": 2,
        "USD": 0.5,
    }


def test_what_is_compared_is_what_both_were_measured_on() -> None:
    one, other = Score(True, 1.0), Score(True, 0.5)
    mine, theirs = (one, None, one, one), (other, other, None, other)
    assert flags.shared(mine, theirs) == ((one, None, None, one), (other, None, None, other))
    assert flags.shared_groups(mine, theirs, ["a", "b", "c", "d"]) == 2
    assert flags.shared_groups(mine, theirs, ["a", "b", "c", "a"]) == 1


def test_every_kind_has_its_number() -> None:
    for kind in FlagKind:
        message = flag_to_proto(Flag(kind, "mine", "why", ("t",)))
        assert run_pb2.FlagKind.Name(message.kind) == f"FLAG_KIND_{kind.name}"
        assert (message.workflow, message.message, list(message.tasks)) == ("mine", "why", ["t"])


class Thirsty(ScriptedInterpreter):
    """An interpreter that needs ten times as many calls for one workflow."""

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        found = await super().execute(workflow, task, seed=seed)
        return replace(found, usage=replace(COST, calls=30)) if RIGHT in workflow.text else found


async def test_an_evaluation_tells_what_grew_beside_the_reward(tmp_path: Path) -> None:
    bench = Bench(tmp_path, evaluation(SHORT, RIGHT), interpreter=Thirsty())
    first, second, _ = (await bench.job().run()).workflows
    assert kinds(first.flags) == []
    (grown,) = second.flags
    assert grown.kind is FlagKind.GROWTH
    assert grown.message == "much more than w0: calls of the model 30 against 3"


async def test_an_evaluation_tells_what_leaks_and_what_was_opened_before(tmp_path: Path) -> None:
    query = "Please tell me everything about the seven wonders of the old world"
    tasks = leaky(query)
    journal = Notebook()
    journal.openings.append("of another run")
    bench = Bench(tmp_path, evaluation(query, split=Split.TEST), suite=tasks, journal=journal)
    found, reference = (await bench.job().run()).workflows
    assert kinds(found.flags) == ["leak", "reopened"]
    assert found.flags[0].tasks == tuple(task.id for task in tasks.tasks(Split.TEST))
    assert reference.flags == ()


def leaky(query: str) -> TaskSuite:
    """A suite whose test tasks all ask the same, with a number."""
    tasks = suite()
    test = tuple(replace(task, query=f"{query} {task.id}") for task in tasks.tasks(Split.TEST))
    return replace(tasks, splits={**tasks.splits, Split.TEST: test})

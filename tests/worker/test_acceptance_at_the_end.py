"""What the end of a run does with its winner: accept it, flag it, register it, show it."""

from __future__ import annotations

from dataclasses import replace

from autoflow.suites import TaskSuite
from autoflow_worker.checkpoint import State
from autoflow_worker.flags import FlagKind
from autoflow_worker.job import found
from autoflow_worker.ports import CallFailed, Workflow
from autoflow_worker.publishing import Discovery, Publisher
from autoflow_worker.report import Ending
from autoflow_worker.results import Result
from autoflow_worker.spec import Comparator, TestPlan
from tests.worker.doubles import (
    MemoryArtifacts,
    Notebook,
    NotingRegistry,
    PlanScorer,
    ScriptedInterpreter,
    context,
    publisher,
    run_spec,
    suite,
    workflow,
)
from tests.worker.scripted_generator import ScriptedGenerator

SUITE = suite(train=6, validation=30, test=12)
RIGHT, HALF, WRONG = workflow("Alpha, Beta"), workflow("Alpha, Gamma"), workflow("Gamma")


async def ended(
    seen: tuple[Workflow, ...],
    incumbent: Workflow | None,
    registry: NotingRegistry,
    *,
    register_as: str = "planner",
    tasks: TaskSuite = SUITE,
) -> tuple[Result, Publisher]:
    comparators = (Comparator("mine", incumbent),) if incumbent else ()
    spec = replace(run_spec(test=TestPlan(comparators=comparators)), register_as=register_as)
    here = context(spec, ScriptedGenerator(lambda *_: None), ScriptedInterpreter(), Notebook(), tasks=tasks)
    await here.evaluator.evaluate([(each, here.training_tasks(0)) for each in seen])
    publishing = publisher(here, registry)
    state = State(iteration=1, adapter="sha256:" + "a" * 64, workflows=seen)
    return await Ending(here, PlanScorer(), found(here, state), publishing).run(), publishing


async def test_a_winner_that_is_surely_better_is_accepted_and_registered() -> None:
    registry = NotingRegistry()
    result, publishing = await ended((HALF, RIGHT, WRONG), HALF, registry)
    assert result.winner == RIGHT
    assert result.acceptance is not None
    assert (result.acceptance.accepted, result.acceptance.over) == (True, "mine")
    assert result.acceptance.difference is not None
    assert result.acceptance.difference.low > 0
    assert result.acceptance.candidates == 3
    assert result.registered == "workflows/planner@1"
    (noted,) = registry.found
    assert noted.result.winner == RIGHT
    assert noted.cost.executions > 0
    artifacts = publishing.artifacts
    assert isinstance(artifacts, MemoryArtifacts)
    assert b"Registered as <b>workflows/planner@1</b>" in artifacts.blobs[result.page]


async def test_a_winner_that_is_no_better_is_reported_and_not_registered() -> None:
    registry = NotingRegistry()
    result, publishing = await ended((HALF, WRONG), RIGHT, registry)
    assert result.winner == HALF
    assert result.acceptance is not None
    assert not result.acceptance.accepted
    assert (result.registered, registry.found) == ("", [])
    artifacts = publishing.artifacts
    assert isinstance(artifacts, MemoryArtifacts)
    assert b'class="verdict no"' in artifacts.blobs[result.page]


async def test_with_nothing_to_beat_the_winner_is_registered() -> None:
    registry = NotingRegistry()
    result, _ = await ended((RIGHT,), None, registry)
    assert result.acceptance is None
    assert result.registered == "workflows/planner@1"


async def test_nothing_is_registered_that_nobody_asked_for() -> None:
    registry = NotingRegistry()
    result, _ = await ended((RIGHT,), HALF, registry, register_as="")
    assert (result.registered, registry.found) == ("", [])


async def test_what_stands_in_a_task_is_flagged_in_a_winner() -> None:
    first, *rest = SUITE.tasks(next(iter(SUITE.splits)))
    query = "Tell the colour of the third balloon that the juggler catches"
    leaky = replace(
        SUITE, splits={**SUITE.splits, next(iter(SUITE.splits)): (replace(first, query=query), *rest)}
    )
    copied = workflow(f"{query}, Alpha, Beta")
    result, _ = await ended((copied,), WRONG, NotingRegistry(), tasks=leaky)
    leaks = [flag for flag in result.flags if flag.kind is FlagKind.LEAK]
    assert [flag.tasks for flag in leaks] == [(first.id,)]


async def test_what_a_metric_beside_the_reward_says_is_reported() -> None:
    result, _ = await ended((HALF,), WRONG, NotingRegistry())
    reports = {report.name: report for report in result.reports}
    assert reports["best"].unoptimized is not None
    # Half right plans are worth something, and none is exactly right.
    assert reports["best"].reward.mean > 0
    assert (reports["best"].unoptimized[0], reports["best"].unoptimized[1].mean) == ("exact_plan", 0.0)
    assert reports["best"].spent.executions == 12


class AwayRegistry(NotingRegistry):
    """A registry that cannot serve."""

    async def register(self, found: Discovery) -> str:
        """Fails."""
        raise CallFailed("the registry is away")


async def test_a_registry_that_is_away_costs_the_name_and_not_the_result() -> None:
    result, _ = await ended((RIGHT,), HALF, AwayRegistry())
    assert result.winner == RIGHT
    assert result.registered == ""
    told = [flag.message for flag in result.flags if flag.kind is FlagKind.UNREGISTERED]
    assert told == ["it was not registered as planner: the registry is away"]

"""Trips that are planned the whole way: the workflow, an interpreter, the tools over a channel, the score."""

from __future__ import annotations

import asyncio
import runpy
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from autoflow.client import Client
from autoflow.language import check
from autoflow.llm import Capabilities, Message, Role
from autoflow.suites import workflow_text
from autoflow.suites.travel import ALLOWANCE, TravelTask
from autoflow.testing import ScriptedEndpoint, ScriptedModel, catalogue_of, serving
from autoflow.tools.travel import build as build_tools
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.model_pb2 import ModelRef, SamplingParams
from autoflow.v1.workflow_pb2 import Workflow
from autoflow_interpreter import build
from tests.llm.endpoints import write_catalogue
from tests.suites.travel.country import SUITE, TASKS
from tests.suites.travel.planner.model import PlannerModel
from tests.suites.travel.planner.planner import Planner

SOURCE = workflow_text("travel")
SOME = [task for days in (3, 5, 7) for task in [one for one in TASKS if one.trip.days == days][::20]]
_EXAMPLE = Path(__file__).parents[3] / "examples" / "plan_trip.py"
TASK = {task.id: task for task in TASKS}
_PROTOCOLS = (pb.EXECUTION_PROTOCOL_FUSED, pb.EXECUTION_PROTOCOL_STEPWISE)


@pytest.fixture
def planner() -> PlannerModel:
    workflow = check(SOURCE).workflow
    assert workflow is not None
    return PlannerModel(Planner(workflow))


@pytest_asyncio.fixture
async def env(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """What an interpreter is told of the tools, which are served, and of where it keeps what happens."""
    async with serving(build_tools({})) as tools:
        file = tmp_path / "tools.yaml"
        file.write_text(f'sources:\n  - {{name: travel, tool_service: {{address: "{tools}"}}}}\n')
        yield {"AUTOFLOW_TOOLS_FILE": str(file), "AUTOFLOW_INTERPRETER_DATA": str(tmp_path)}


@pytest_asyncio.fixture
async def address(env: dict[str, str], planner: PlannerModel) -> AsyncIterator[str]:
    """An interpreter whose model is the planner."""
    model = ScriptedModel(planner, capabilities=Capabilities(json_schema=True))
    async with serving(build(env, catalogue_of(model))) as address:
        yield address


async def execute(
    client: Client, task: TravelTask, protocol: pb.ExecutionProtocol.ValueType
) -> list[pb.ExecutionEvent]:
    request = pb.ExecuteWorkflowRequest(
        workflow=Workflow(source=SOURCE),
        query=SUITE.asked(task),
        model=ModelRef(model="scripted"),
        step_tools=["*"],
        protocol=protocol,
        sampling=SamplingParams(max_tokens=ALLOWANCE.answer_tokens),
        limits=pb.ExecutionLimits(max_steps=60, max_tokens=ALLOWANCE.tokens),
    )
    return [event async for event in client.interpreter.execute_workflow(request)]


async def test_trips_are_planned_within_budget_and_wishes_by_either_protocol(address: str) -> None:
    both = [(task, protocol) for task in SOME for protocol in _PROTOCOLS]
    async with Client(interpreter=address) as client, asyncio.timeout(100):
        runs = await asyncio.gather(*(execute(client, *one) for one in both))
    scores = []
    for task, fused, stepwise in zip(SOME, runs[::2], runs[1::2], strict=True):
        ends = fused[-1].finished, stepwise[-1].finished
        scores.append(SUITE.score(task, ends[0].answer))
        assert calls_of(fused) == calls_of(stepwise)
        assert (ends[0].answer, ends[0].steps) == (ends[1].answer, ends[1].steps)
        assert model_calls(fused) == ends[0].steps
        assert model_calls(stepwise) > 3 * ends[1].steps
        assert not any(end.failed_tool_calls or end.refused_replies for end in ends)
    passed = Counter(task.trip.days for task, score in zip(SOME, scores, strict=True) if score.final_pass)
    # Eight of nine; the other one finds no route that is cheap enough within sixty steps.
    assert passed == {3: 3, 5: 3, 7: 2}
    assert sum(not run[-1].finished.answer for run in runs[::2]) == 1


def calls_of(events: list[pb.ExecutionEvent]) -> list[tuple[str, str]]:
    called = [event.tool_called for event in events if event.HasField("tool_called")]
    return [(call.tool, call.arguments) for call in called]


def model_calls(events: list[pb.ExecutionEvent]) -> int:
    return sum(event.HasField("model_called") for event in events)


async def test_the_example_plans_with_an_endpoint_that_a_file_names(
    env: dict[str, str], planner: PlannerModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(body: Mapping[str, Any]) -> str:
        return planner([Message(Role(one["role"]), one["content"]) for one in body["messages"]])

    example = runpy.run_path(str(_EXAMPLE))
    async with ScriptedEndpoint.serving(said) as endpoint:
        catalogue = write_catalogue(
            tmp_path / "models.yaml", endpoint.base_url, capabilities={"json_schema": True}
        )
        async with serving(
            build(env | {"AUTOFLOW_MODELS": str(catalogue), "AUTOFLOW_PRELOAD_MODELS": "none"})
        ) as address:
            assert await example["main"]("3-days.hard.train/10", "mine", address) == 1.0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("What would three days from Cranefield to Coldwick")
    assert '  restaurant_search {"city": "Coldwick"}' in printed
    assert printed[-1] == "reward 1.000"
    assert len(endpoint.calls) == sum(line.startswith("Step ") for line in printed)


async def test_a_budget_that_is_too_small_is_told_by_the_score(address: str) -> None:
    """So the score can tell, the whole way, that a plan is not right."""
    task = TASK["3-days.hard.train/10"]
    poor = replace(task, trip=replace(task.trip, budget=700), query=task.query.replace("$890", "$700"))
    async with Client(interpreter=address) as client:
        events = await execute(client, poor, pb.EXECUTION_PROTOCOL_FUSED)
    score = SUITE.score(poor, events[-1].finished.answer)
    assert [verdict.constraint for verdict in score.verdicts if not verdict.holds] == ["budget"]

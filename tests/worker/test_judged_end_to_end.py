"""Whole evaluations of a suite whose answers are judged: trainer, interpreter and the server of its tools."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from google.rpc import code_pb2

import autoflow_interpreter
from autoflow.client import Client
from autoflow.language import check
from autoflow.llm import Capabilities, Message
from autoflow.settings import from_env
from autoflow.suites import Split, load_suite, workflow_text
from autoflow.suites.travel import Score, measures
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.tools.travel import build as build_tools
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import run_pb2, task_pb2, workflow_pb2
from autoflow_worker.assembly import work_on
from autoflow_worker.settings import WorkerSettings
from tests.suites.travel.country import SUITE
from tests.suites.travel.planner.model import PlannerModel
from tests.suites.travel.planner.planner import Planner
from tests.trainer.harness import Trainer, trainer

LAZY, ENDLESS = "Give up.", "Wait, and look whether it is done."
WORKFLOWS = {
    "lazy": f"Step 1:::terminal:::{LAZY}",
    "endless": f"Step 1:::decision:::{ENDLESS}:::Yes::Step 2::No::Step 1\nStep 2:::terminal:::{LAZY}",
    "hand": workflow_text("travel"),
}


def evaluation(*names: str, tasks: int) -> run_pb2.Run:
    run = run_pb2.Run()
    run.evaluation.suite = "travel"
    run.evaluation.split = task_pb2.SPLIT_TEST
    run.evaluation.interpreter.model = "planner"
    run.evaluation.tasks = tasks
    for name in names:
        run.evaluation.workflows.add(name=name, workflow=workflow_pb2.Workflow(source=WORKFLOWS[name]))
    return run


def planner() -> ScriptedModel:
    """Plans as the planner does where it knows the step."""
    workflow = check(WORKFLOWS["hand"]).workflow
    assert workflow is not None
    plan = PlannerModel(Planner(workflow))

    def say(messages: Sequence[Message]) -> str:
        asked = messages[-1].content
        if LAZY in asked:
            return json.dumps({"answer": "There is no such trip."})
        if ENDLESS in asked:
            return json.dumps({"answer": "Not yet.", "tool": "none", "arguments": "", "branch": "No"})
        return plan(messages)

    return ScriptedModel(say, name="planner", capabilities=Capabilities(json_schema=True))


@dataclass
class World:
    """Services, whose runs are worked on in this process."""

    trainer: Trainer
    launcher: CoroutineLauncher
    client: Client
    """Of the interpreter."""

    async def finished(self, wanted: run_pb2.Run) -> run_pb2.Run:
        return await self.trainer.until_final((await self.trainer.create(wanted)).name)

    async def executions(self) -> list[pb.Execution]:
        """All that the interpreter has executed, with what was asked for."""
        calls = self.client.interpreter
        return [
            (await calls.get_execution(pb.GetExecutionRequest(name=one.name))).execution
            async for one in calls.list_executions(pb.ListExecutionsRequest())
        ]


@asynccontextmanager
async def world(home: Path, *, tools: bool = True) -> AsyncIterator[World]:
    env = {
        "AUTOFLOW_ARTIFACTS": str(home / "artifacts"),
        "AUTOFLOW_SUITE_CACHE": str(home / "suites"),
        # Nobody is asked there: nothing is written, and the suite itself scores.
        "AUTOFLOW_GENERATOR_ADDRESS": "127.0.0.1:1",
        "AUTOFLOW_SCORER_ADDRESS": "127.0.0.1:1",
    }

    async def begin(run: str, token: str) -> None:
        await work_on(run, from_env(WorkerSettings, {**env, "AUTOFLOW_RUN_TOKEN": token}))

    launcher = CoroutineLauncher(begin)
    async with AsyncExitStack() as stack:
        settings = {"AUTOFLOW_INTERPRETER_DATA": str(home)}
        if tools:
            settings["AUTOFLOW_TOOL_PROVIDERS"] = await stack.enter_async_context(serving(build_tools({})))
        interpreter = autoflow_interpreter.build(settings, catalogue_of(planner()))
        address = await stack.enter_async_context(serving(interpreter))
        env["AUTOFLOW_INTERPRETER_ADDRESS"] = address
        running = await stack.enter_async_context(trainer(home, launcher, max_worker_losses=2))
        env["AUTOFLOW_TRAINER_ADDRESS"] = running.address
        yield World(running, launcher, await stack.enter_async_context(Client(interpreter=address)))


async def test_answers_get_the_verdicts_of_the_suite(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run = await here.finished(evaluation("lazy", "endless", "hand", tasks=3))
        executions = await here.executions()
    assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
    lazy, endless, hand, reference = run.evaluation_result.workflows
    assert [found.missing for found in run.evaluation_result.workflows] == [0] * 4
    assert run.evaluation_result.suite_digest == load_suite("travel").digest
    # What the interpreter has kept of each answer, judged by the suite itself.
    answers = {(one.request.workflow.source, one.request.query): one.finished.answer for one in executions}
    assert len(answers) == 9
    tasks = {task.id: task for task in SUITE.tasks(Split.TEST)}
    for found in (lazy, endless, hand):
        scores: list[Score] = []
        for told in found.tasks:
            task = tasks[told.task]
            scores.append(SUITE.score(task, answers[found.workflow.source, SUITE.asked(task)]))
            verdicts = [(item.constraint, item.holds, item.reason) for item in told.verdicts]
            assert verdicts == [(one.constraint, one.holds, one.reason) for one in scores[-1].verdicts]
            assert (told.reward, told.passed) == (scores[-1].reward, scores[-1].final_pass)
            assert told.metric == "constraints"
        expected = asdict(measures(scores))
        assert {name: getattr(found.constraints, name) for name in expected} == expected
    assert (lazy.reward.mean, endless.reward.mean, reference.reward.mean) == (0, 0, 1)
    assert hand.pass_rate.mean == reference.pass_rate.mean == 1
    assert (hand.improvement.over, hand.improvement.absolute.mean) == ("lazy", 1)


async def test_executions_are_asked_for_as_the_suite_allows(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        run = await here.finished(evaluation("endless", tasks=1))
        (execution,) = await here.executions()
    assert run.state == run_pb2.RUN_STATE_SUCCEEDED, run.error
    assert execution.finished.outcome == pb.EXECUTION_OUTCOME_STEP_LIMIT
    asked = execution.request
    assert (asked.limits.max_steps, asked.limits.max_tokens) == (100, 2_000_000)
    assert asked.sampling.max_tokens == 2_048
    assert list(asked.step_tools) == [tool.name for tool in SUITE.tools]
    assert not asked.tools
    assert execution.finished.steps == 100


async def test_a_tool_that_the_interpreter_lacks_ends_the_run_at_once_and_is_named(tmp_path: Path) -> None:
    async with world(tmp_path, tools=False) as here:
        run = await here.finished(evaluation("hand", tasks=2))
        assert len(here.launcher.launches) == 1, run.error
    assert (run.state, run.error.code) == (run_pb2.RUN_STATE_FAILED, code_pb2.FAILED_PRECONDITION)
    told = "the interpreter has no tool 'city_search', which the suite's workflows call"
    assert run.error.message.startswith(told)
    assert "AUTOFLOW_TOOLS_FILE" in run.error.message
    assert run.ledger.executions == 0

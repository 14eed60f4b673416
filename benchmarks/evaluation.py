"""What an evaluation takes: `python -m benchmarks.evaluation --tasks 185 --samples 8`.

Evaluates one workflow on tasks of the built-in suite, drawn stratified, over the real services: interpreter,
experts and scorer each in a process of its own, trainer and worker in this one. Prints one JSON object: wall
time, the peak memory of every process, its CPU time, and the shares of wall time by stage. A stage is under
way while the worker waits for one of its calls: `planning` for executions of the workflow by the
interpreter's model, `tools` for executions of plans, `scoring` for scores. Where several are under way at a
time, each takes an equal part of that time; what is left is `rest`: samples, commits, table and page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import autoflow_trainer
from autoflow.cli.evaluation.request import EvaluationRequest, to_proto
from autoflow.client import Client, InterpreterClient, ScorerClient
from autoflow.server import Listener, ServerSettings
from autoflow.settings import from_env
from autoflow.suites import Split, workflow_text
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.testing.processes import ServiceProcess, service_process
from autoflow.v1 import interpreter_service_pb2, run_pb2, scorer_service_pb2, trainer_service_pb2
from autoflow_worker.assembly import work_on
from autoflow_worker.settings import WorkerSettings

_RUN_SECONDS = 3 * 3600.0
_STAGES = ("planning", "tools", "scoring", "rest")


class Stages:
    """The wall time that each stage took, in seconds."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self.start()

    def start(self) -> None:
        """Begins anew."""
        self.seconds = dict.fromkeys(_STAGES, 0.0)
        self.calls: Counter[str] = Counter()
        self._since = time.monotonic()

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """A call of a stage."""
        self.settle()
        self._under_way[stage] += 1
        self.calls[stage] += 1
        try:
            yield
        finally:
            self.settle()
            self._under_way[stage] -= 1

    def settle(self) -> None:
        """Gives the time since the last change to those that were under way."""
        now = time.monotonic()
        active = [stage for stage, count in self._under_way.items() if count] or ["rest"]
        for stage in active:
            self.seconds[stage] += (now - self._since) / len(active)
        self._since = now


class TimedInterpreter(InterpreterClient):
    """An interpreter's client whose calls are timed."""

    stages: Stages

    async def execute_workflow(
        self, request: interpreter_service_pb2.ExecuteWorkflowRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[interpreter_service_pb2.ExecutionEvent]:
        """Executes a workflow."""
        with self.stages.during("planning"):
            async with aclosing(super().execute_workflow(request, timeout=timeout)) as events:
                async for event in events:
                    yield event

    async def execute_plan(
        self, request: interpreter_service_pb2.ExecutePlanRequest, *, timeout: float | None = None
    ) -> interpreter_service_pb2.ExecutePlanResponse:
        """Executes a plan."""
        with self.stages.during("tools"):
            return await super().execute_plan(request, timeout=timeout)


class TimedScorer(ScorerClient):
    """A scorer's client whose calls are timed."""

    stages: Stages

    async def score_outputs(
        self, request: scorer_service_pb2.ScoreOutputsRequest, *, timeout: float | None = None
    ) -> scorer_service_pb2.ScoreOutputsResponse:
        """Scores outputs."""
        with self.stages.during("scoring"):
            return await super().score_outputs(request, timeout=timeout)


class TimedClient(Client):
    """A client that times the calls for which an evaluation waits.

    Args:
        stages: what takes the times.
        given: as of `Client`.
    """

    def __init__(self, stages: Stages, **given: Any) -> None:
        super().__init__(**given)
        self._stages = stages

    @cached_property
    def interpreter(self) -> InterpreterClient:
        """Executes workflows and plans."""
        client = TimedInterpreter(self._channel("interpreter"), self._settings)
        client.stages = self._stages
        return client

    @cached_property
    def scorer(self) -> ScorerClient:
        """Scores outputs."""
        client = TimedScorer(self._channel("scorer"), self._settings)
        client.stages = self._stages
        return client


async def measure(wanted: run_pb2.Run, home: Path) -> dict[str, Any]:
    """Does an evaluation and tells what it took."""
    stages = Stages()
    async with AsyncExitStack() as stack:
        experts = await stack.enter_async_context(service_process("experts", {}, home / "experts.log"))
        scorer = await stack.enter_async_context(service_process("scorer", {}, home / "scorer.log"))
        providers = {
            "AUTOFLOW_TOOL_PROVIDERS": experts.address,
            "AUTOFLOW_INTERPRETER_DATA": str(home / "interpreter"),
        }
        log = home / "interpreter.log"
        interpreter = await stack.enter_async_context(service_process("interpreter", providers, log))
        processes = {"experts": experts, "scorer": scorer, "interpreter": interpreter}
        listener = Listener(ServerSettings(address="127.0.0.1:0"))
        env = {
            "AUTOFLOW_ARTIFACTS": str(home / "artifacts"),
            "AUTOFLOW_TRAINER_DATA": str(home / "trainer"),
            "AUTOFLOW_TRAINER_ADDRESS": listener.address,
            "AUTOFLOW_GENERATOR_ADDRESS": "127.0.0.1:1",
            "AUTOFLOW_INTERPRETER_ADDRESS": interpreter.address,
            "AUTOFLOW_SCORER_ADDRESS": scorer.address,
        }

        async def begin(run: str, token: str) -> None:
            settings = from_env(WorkerSettings, {**env, "AUTOFLOW_RUN_TOKEN": token})
            await work_on(run, settings, connect=partial(TimedClient, stages))

        server = await listener.serve(autoflow_trainer.build(env, CoroutineLauncher(begin)))
        await stack.enter_async_context(server)
        client = await stack.enter_async_context(Client(trainer=server.address))
        stages.start()
        started = time.monotonic()
        run = await _finished(client, wanted)
        stages.settle()
        return {
            **_found(run),
            "wall_seconds": time.monotonic() - started,
            "share": _shares(stages),
            "calls": dict(stages.calls),
            "processes": {**{name: _usage(one) for name, one in processes.items()}, "worker": _own_usage()},
        }


async def _finished(client: Client, wanted: run_pb2.Run) -> run_pb2.Run:
    name = (await client.trainer.create_run(trainer_service_pb2.CreateRunRequest(run=wanted))).run.name

    def show(run: run_pb2.Run) -> None:
        print(f"{run.progress.phase} {run.progress.done}/{run.progress.total}", file=sys.stderr)

    return await client.trainer.wait_for_run(name, timeout=_RUN_SECONDS, on_change=show)


def _found(run: run_pb2.Run) -> dict[str, Any]:
    if run.state != run_pb2.RUN_STATE_SUCCEEDED:
        raise RuntimeError(f"the evaluation did not succeed: {run.error.message}")
    measured, *_, reference = run.evaluation_result.workflows
    return {
        "tasks": len(measured.tasks),
        "samples": run.evaluation.samples,
        "executions": run.ledger.executions,
        "missing": run.ledger.missing,
        "llm_calls": run.ledger.usage.llm_calls,
        "reward": measured.reward.mean,
        "reference": reference.reward.mean,
    }


def _shares(stages: Stages) -> dict[str, float]:
    whole = sum(stages.seconds.values())
    return {stage: stages.seconds[stage] / whole for stage in _STAGES}


def _usage(process: ServiceProcess) -> dict[str, float]:
    used = process.usage
    return {"peak_mib": used.peak_mib, "cpu_seconds": used.cpu_seconds}


def _own_usage() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"peak_mib": used.ru_maxrss / 1024, "cpu_seconds": used.ru_utime + used.ru_stime}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def main() -> None:
    """Measures what the options want."""
    parser = argparse.ArgumentParser(description="Measures what an evaluation takes.")
    parser.add_argument("--tasks", type=int, default=185)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--workflow", default="expert", help="a hand-written one, by its name")
    parser.add_argument("--interpreter", default="embedded", help="a model of the interpreter's catalogue")
    given = parser.parse_args()
    wanted = to_proto(
        EvaluationRequest(
            suite="planning",
            # The only split that has so many tasks.
            split=Split.TRAIN,
            workflows={given.workflow: workflow_text(given.workflow)},
            interpreter=given.interpreter,
            tasks=given.tasks,
            samples=given.samples,
        )
    )
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(_rounded(asyncio.run(measure(wanted, Path(home))))))


if __name__ == "__main__":
    main()

"""How well the embedded model plays its two roles: `python benchmarks/embedded_model.py`.

Executes hand-written workflows on every task of the test split of the suite `planning`, and draws workflows
from the untrained generator; over real services in this process. Prints one JSON object a line. The workflows
named `other_words_*` were written in words that the training corpus does not use.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from autoflow.client import Client
from autoflow.convert import plan_reference_to_proto, tool_to_proto
from autoflow.plans import PlanReference
from autoflow.server.compose import local_environment, serve_all
from autoflow.suites import Split, Task, TaskSuite, load_suite, workflow_text
from autoflow.v1.generator_service_pb2 import Candidate, GenerateWorkflowsRequest
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest, ExecutionLimits
from autoflow.v1.model_pb2 import ModelRef, SamplingParams
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScorePair
from autoflow.v1.task_pb2 import Content
from autoflow.v1.workflow_pb2 import Workflow

_METRICS = ("plan_f1", "plan_valid", "plan_exact")
_IN_FLIGHT = 128
_FLOWS = Path(__file__).parent / "flows"


class Bench:
    """A client, a suite, and a bound on what is in flight."""

    def __init__(self, client: Client, suite: TaskSuite, model: str) -> None:
        self._client = client
        self._suite = suite
        self._model = ModelRef(model=model)
        self._room = asyncio.Semaphore(_IN_FLIGHT)

    async def execute(self, text: str, tasks: Sequence[Task]) -> dict[str, float]:
        """Mean scores of a workflow on tasks."""
        answers = await asyncio.gather(*(self._answer(text, task) for task in tasks))
        references = [
            PlanReference(self._suite.tools, task.inputs, task.output, task.accepted) for task in tasks
        ]
        pairs = [
            ScorePair(output=Content(text=answer), plan=plan_reference_to_proto(reference))
            for answer, reference in zip(answers, references, strict=True)
        ]
        response = await self._client.scorer.score_outputs(ScoreOutputsRequest(pairs=pairs, metrics=_METRICS))
        return {column.metric: round(_mean(column.values), 4) for column in response.scores}

    async def draw(self, count: int, seed: int) -> list[Candidate]:
        """Candidates of the untrained generator at temperature 1."""
        request = GenerateWorkflowsRequest(
            model=self._model,
            goal=self._suite.goal,
            tools=[tool_to_proto(tool) for tool in self._suite.tools],
            count=count,
            sampling=SamplingParams(temperature=1.0, seed=seed),
        )
        events = self._client.generator.generate_workflows(request)
        return [event.candidate async for event in events if event.HasField("candidate")]

    async def _answer(self, text: str, task: Task) -> str:
        request = ExecuteWorkflowRequest(
            workflow=Workflow(source=text),
            query=task.query,
            tools=[tool_to_proto(tool) for tool in self._suite.tools],
            model=self._model,
            limits=ExecutionLimits(max_steps=24),
        )
        async with self._room:
            events = [event async for event in self._client.interpreter.execute_workflow(request)]
        return events[-1].finished.answer


async def main(model: str, samples: int, seed: int) -> None:
    """Runs everything and prints it."""
    suite = load_suite("planning")
    with tempfile.TemporaryDirectory() as home:
        env = local_environment(Path(home), os.environ)
        async with (
            await serve_all(env, ("scorer", "interpreter", "generator")) as system,
            Client.of(system.addresses) as client,
        ):
            bench = Bench(client, suite, model)
            await _hand_written(bench, suite.tasks(Split.TEST))
            await _drawn(bench, suite.stratified(Split.TEST, 12, 0), samples, seed)


async def _hand_written(bench: Bench, tasks: Sequence[Task]) -> None:
    texts = {name: workflow_text(name) for name in ("baseline", "expert")}
    texts |= {path.stem: path.read_text(encoding="utf-8") for path in sorted(_FLOWS.glob("*.flow"))}
    for name, text in texts.items():
        started = time.perf_counter()
        scores = await bench.execute(text, tasks)
        seconds = round(time.perf_counter() - started, 2)
        print(json.dumps({"workflow": name, "tasks": len(tasks), **scores, "seconds": seconds}), flush=True)


async def _drawn(bench: Bench, tasks: Sequence[Task], samples: int, seed: int) -> None:
    started = time.perf_counter()
    candidates = await bench.draw(samples, seed)
    drawing = round(time.perf_counter() - started, 2)
    started = time.perf_counter()
    valid = [candidate for candidate in candidates if candidate.valid]
    scores = await asyncio.gather(*(bench.execute(each.workflow.source, tasks) for each in valid))
    rewards = [score["plan_f1"] for score in scores] + [0.0] * (len(candidates) - len(valid))
    report = {
        "untrained_samples": len(candidates),
        "valid": len(valid),
        "distinct": len({candidate.workflow.digest for candidate in valid}),
        "reward_mean": round(_mean(rewards), 4),
        "reward_max": max(rewards),
        "rewards": sorted(rewards),
        "seconds_drawing": drawing,
        "seconds_executing": round(time.perf_counter() - started, 2),
        "executions": len(valid) * len(tasks),
    }
    print(json.dumps(report), flush=True)


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How well the embedded model plays its two roles.")
    parser.add_argument("--model", default="embedded", help="a name of the catalogue")
    parser.add_argument("--samples", type=int, default=48, help="workflows to draw from the generator")
    parser.add_argument("--seed", type=int, default=1, help="seed of the draw")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.model, arguments.samples, arguments.seed))

"""Runs whose models are behind an endpoint that may fail, and what of a run may not depend on that."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter
from typing import Any

from google.protobuf.json_format import MessageToDict

from autoflow.client import Client, ClientSettings
from autoflow.client.errors import DeadlineExceeded
from autoflow.client.settings import RetrySettings
from autoflow.convert import method_to_proto
from autoflow.llm import Capabilities
from autoflow.llm.descriptions import Prices
from autoflow.llm.openai import Endpoint, OpenAIModel
from autoflow.methods import Method
from autoflow.testing import FaultPlan, ScriptedEndpoint
from autoflow.testing.endpoint import EndpointScript
from autoflow.testing.skilled_model import EXECUTOR, WRITER, SkilledModel, skilled
from autoflow.v1 import run_pb2, task_pb2, workflow_pb2
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest, SuiteEnd
from autoflow_worker.assembly import work_on
from autoflow_worker.concurrency import Retry
from autoflow_worker.search import SEARCHES
from autoflow_worker.settings import WorkerSettings
from tests.trainer.harness import optimization
from tests.worker.services import World, no_policy, wired

KINDS = (*SEARCHES, "evaluate")
"""Of runs."""
PRICES = Prices(prompt=1.0, completion=4.0)
_PLANS = (
    ("Machine Translation", "Sentiment Analysis"),
    ("Text Summarization", "Machine Translation"),
    ("Fill Mask", "Text Summarization"),
)
_NAMES = sorted({name for plan in _PLANS for name in plan})
_DIFFERENT = ("createTime", "startTime", "endTime", "seconds", "wallTime", "progress", "suite", "page")
"""Times, and what is named by chance or holds times."""
_ROUNDED = ("costUsd",)
"""Added up in the order in which calls end."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the runs are."""

    train: int = 8
    validation: int = 10
    test: int = 3
    iterations: int = 3
    candidates: int = 3
    tasks: int = 3
    control: int = 1

    @property
    def plans(self) -> dict[str, tuple[str, str]]:
        """The right plan of every task, by its query."""
        return {query: _PLANS[number % len(_PLANS)] for number, (_, query) in enumerate(self.queries)}

    @property
    def queries(self) -> Iterator[tuple[task_pb2.Split.ValueType, str]]:
        """Every task's split and query."""
        sizes = {
            task_pb2.SPLIT_TRAIN: self.train,
            task_pb2.SPLIT_VALIDATION: self.validation,
            task_pb2.SPLIT_TEST: self.test,
        }
        for split, size in sizes.items():
            for number in range(size):
                yield split, f"Task {task_pb2.Split.Name(split)} {number}, with a text."


def parts(size: Size, kind: str) -> Iterator[CreateSuiteRequest]:
    """A suite for one kind of run: its test split is opened by no other."""
    text = task_pb2.CONTENT_TYPE_TEXT
    tools = [task_pb2.Tool(name=name, inputs=[text], output=text) for name in _NAMES]
    yield CreateSuiteRequest(suite=task_pb2.TaskSuite(title=kind, goal=f"Plan for {kind}.", tools=tools))
    for number, (split, query) in enumerate(size.queries):
        plan = task_pb2.Plan(tools=size.plans[query])
        task = task_pb2.Task(id=f"t{number}", split=split, query=query, output=text, accepted=[plan])
        yield CreateSuiteRequest(task=task)
        sample = task_pb2.Sample(
            inputs=[task_pb2.Content(text=f"Text {number}.")], reference=task_pb2.Content(text="Right.")
        )
        yield CreateSuiteRequest(sample=sample)
    yield CreateSuiteRequest(end=SuiteEnd())


def wanted(kind: str, suite: str, size: Size) -> run_pb2.Run:
    """A search, or an evaluation of three workflows of which two are equally skilled."""
    baseline = workflow_pb2.Workflow(source=skilled(1, 1))
    if kind == "evaluate":
        run = run_pb2.Run()
        run.evaluation.suite, run.evaluation.split = suite, task_pb2.SPLIT_VALIDATION
        run.evaluation.interpreter.model = EXECUTOR
        run.evaluation.reward = run_pb2.REWARD_PLAN
        run.evaluation.workflows.add(name="baseline", workflow=baseline)
        for name, skills in (("better", (4, 3)), ("equal", (3, 4))):
            run.evaluation.workflows.add(name=name, workflow=workflow_pb2.Workflow(source=skilled(*skills)))
        return run
    method = method_to_proto(Method(kind))
    run = optimization(seed=5, suite=suite, method=method, tasks=size.tasks)
    wide = kind != "history"
    run.optimization.candidates = size.candidates if wide else 1
    run.optimization.iterations = size.iterations
    run.optimization.generator.model, run.optimization.interpreter.model = WRITER, EXECUTOR
    run.optimization.test.control_samples = size.control
    run.optimization.test.comparators.add(name="baseline", workflow=baseline)
    return run


@dataclass
class Session:
    """Runs of some kinds that have ended, and what the endpoint saw of them."""

    endpoint: ScriptedEndpoint
    runs: dict[str, run_pb2.Run] = field(default_factory=dict)
    seconds: float = 0.0

    @cached_property
    def delivered(self) -> Counter[str]:
        """Questions that were answered whole, however often."""
        return Counter(json.dumps(call.body) for call in self.endpoint.calls if call.charged)

    @property
    def faults(self) -> Counter[str]:
        """Calls by how they failed."""
        return Counter(str(call.fault) for call in self.endpoint.calls if call.fault)

    def charges(self, questions: Counter[str]) -> tuple[int, int, int]:
        """Calls, prompt tokens and completion tokens that the endpoint charges for questions it answered."""
        of = {json.dumps(call.body): call.charged for call in self.endpoint.calls if call.charged}
        known = [(of[question], times) for question, times in questions.items()]
        prompt = sum(charge[0] * times for charge, times in known)
        return questions.total(), prompt, sum(charge[1] * times for charge, times in known)

    @property
    def recorded(self) -> tuple[int, int, int]:
        """The same as the runs' ledgers have it."""
        usages = [run.ledger.usage for run in self.runs.values()]
        return (
            sum(usage.llm_calls for usage in usages),
            sum(usage.prompt_tokens for usage in usages),
            sum(usage.completion_tokens for usage in usages),
        )


def timeless(run: run_pb2.Run) -> dict[str, Any]:
    """All of a run but its times and its identity."""
    told: dict[str, Any] = _timeless(MessageToDict(run))
    # Workflows and reports have names as well, which are no identity.
    return {key: value for key, value in told.items() if key != "name"}


def _timeless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: round(each, 9) if key in _ROUNDED else _timeless(each)
            for key, each in value.items()
            if key not in _DIFFERENT
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_timeless(each) for each in value]
    return value


def _connected(*, settings: ClientSettings, **addresses: str) -> Client:
    """One quick repetition is the least that grpc allows."""
    quick = RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01)
    return Client(settings=replace(settings, retry=quick), **addresses)


async def _work(retry: Retry, run: str, settings: WorkerSettings) -> None:
    await work_on(run, settings, no_policy, retry, _connected)


@asynccontextmanager
async def world(home: Path, endpoint: ScriptedEndpoint, retry: Retry, **fields: Any) -> AsyncIterator[World]:
    """Serves everything, on models behind an endpoint; `fields` are of `Endpoint`."""
    writer, executor = (
        OpenAIModel(
            Endpoint(
                *(name, name, endpoint.base_url),
                capabilities=Capabilities(seed=True),
                prices=PRICES,
                **{"backoff": 0.01, **fields},
            )
        )
        for name in (WRITER, EXECUTOR)
    )
    env = {"AUTOFLOW_WORKER_EXECUTIONS": "16"}
    async with wired(home, writer, executor, partial(_work, retry), env=env) as services:
        yield services


async def session(
    home: Path,
    faults: FaultPlan | None = None,
    *,
    size: Size | None = None,
    kinds: Sequence[str] = KINDS,
    script: Callable[[EndpointScript], EndpointScript] = lambda script: script,
    retry: Retry | None = None,
    patience: float = 240.0,
    **fields: Any,
) -> Session:
    """Does runs side by side.

    Args:
        home: for what the services keep.
        faults: of the endpoint.
        size: of the runs.
        kinds: which.
        script: changes what the endpoint says.
        retry: what the worker does about failed calls. Default: it is patient, but not slow.
        patience: seconds that all may take.
        fields: of `Endpoint`, such as `attempts`.

    Raises:
        TimeoutError: they took longer.
    """
    size = size or Size()
    retry = retry or Retry(first_wait=0.02, longest_wait=0.2)
    async with ScriptedEndpoint.serving(script(SkilledModel(size.plans)), faults) as endpoint:
        done = Session(endpoint)
        async with world(home, endpoint, retry, **fields) as here:

            async def one(kind: str) -> None:
                made = await here.trainer.client.trainer.create_suite(iter(parts(size, kind)), timeout=30)
                created = await here.trainer.create(wanted(kind, made.suite.name, size))
                while kind not in done.runs:
                    # A long run is watched more than once.
                    with suppress(DeadlineExceeded):
                        done.runs[kind] = await here.trainer.until_final(created.name)

            started = perf_counter()
            async with asyncio.timeout(patience), asyncio.TaskGroup() as group:
                for kind in kinds:
                    group.create_task(one(kind))
            done.seconds = perf_counter() - started
    return done

"""The real services with scripted models, and runs for requests to name.

There are two trainers: the workers of one end at once, so that every run of callers ends soon, evaluations
with a page; those of the other hold their runs, so that requests can act for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf.message import Message

import autoflow_experts
import autoflow_generator
import autoflow_interpreter
import autoflow_scorer
import autoflow_trainer
from autoflow.server import Service
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing import CoroutineLauncher, ScriptedModel, catalogue_of, serving
from autoflow.v1 import run_pb2
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest, ResumeExecutionRequest
from autoflow.v1.interpreter_service_pb2_grpc import InterpreterServiceStub
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.run_worker_service_pb2 import FinishRunRequest, LeaseRunRequest, LeaseRunResponse
from autoflow.v1.run_worker_service_pb2_grpc import RunWorkerServiceStub
from autoflow.v1.trainer_service_pb2 import CreateRunRequest
from autoflow.v1.trainer_service_pb2_grpc import TrainerServiceStub
from autoflow.v1.workflow_pb2 import Workflow
from tests.requests.knowledge import (
    ANSWER,
    ANY_EXECUTION,
    ANY_RUN,
    ASKED,
    HELD_RUN,
    LEASE,
    MODEL,
    PAGE_TOKEN,
)
from tests.requests.registry import EITHER, WORKFLOW, KeptWorkflow

Metadata = tuple[tuple[str, str], ...]
_DEADLINE = 30.0
_WORKFLOW = "Step 1:::process:::Name the input.:::next::Step 2\nStep 2:::terminal:::Write the plan."
_SETTINGS = {
    "AUTOFLOW_TRAINER_ADDRESS": "127.0.0.1:1",
    "AUTOFLOW_GENERATOR_ADDRESS": "127.0.0.1:1",
    "AUTOFLOW_INTERPRETER_ADDRESS": "127.0.0.1:1",
    "AUTOFLOW_SCORER_ADDRESS": "127.0.0.1:1",
    "AUTOFLOW_MAX_WORKER_LOSSES": "1",
    "AUTOFLOW_MAX_RUNNING_RUNS": "100000",
    "AUTOFLOW_MAX_WAITING_RUNS": "100000",
    # No lease is lost while it is not its turn.
    "AUTOFLOW_LEASE_DURATION": "3600",
    "AUTOFLOW_WORKER_STARTUP": "3600",
}


def some_run() -> run_pb2.Run:
    """A run that anybody may ask for."""
    model = ModelRef(model=MODEL)
    return run_pb2.Run(
        optimization=run_pb2.Optimization(
            suite="planning", generator=model, interpreter=model, method=run_pb2.METHOD_RLOO
        )
    )


class HeldRun:
    """The run that a worker holds at the moment, and another one when that is final.

    Args:
        channel: to the trainer.
        launched: run and token of each worker that was started.
    """

    def __init__(self, channel: grpc.aio.Channel, launched: asyncio.Queue[tuple[str, str]]) -> None:
        self._trainer = TrainerServiceStub(channel)
        self._worker = RunWorkerServiceStub(channel)
        self._launched = launched
        self.name = self._token = ""
        self._lease = self._committed = 0

    async def open(self) -> None:
        """Creates a run and leases it."""
        async with asyncio.timeout(_DEADLINE):
            await self._trainer.CreateRun(CreateRunRequest(run=some_run()))
            self.name, self._token = await self._launched.get()
            grant = await self._worker.LeaseRun(LeaseRunRequest(run=self.name), metadata=self.metadata)
        self._lease, self._committed = grant.fencing_token, 0

    @property
    def metadata(self) -> Metadata:
        """What the worker shows."""
        return (("authorization", f"Bearer {self._token}"),)

    def fill(self, request: Message) -> None:
        """Puts the run, its lease and the next iteration in the place of the stand-ins."""
        if getattr(request, "run", None) != HELD_RUN:
            return
        request.run = self.name  # type: ignore[attr-defined]
        if getattr(request, "fencing_token", None) == LEASE:
            request.fencing_token = self._lease  # type: ignore[attr-defined]
        if "iteration" in request.DESCRIPTOR.fields_by_name:
            request.iteration.index = self._committed  # type: ignore[attr-defined]

    async def note(self, method: str, answer: Message) -> None:
        """Learns from what a request changed."""
        if isinstance(answer, LeaseRunResponse):
            self._lease = answer.fencing_token
        if method == "CommitIteration":
            self._committed += 1
        if method == "FinishRun":
            await self.open()


@dataclass
class CallersRuns:
    """The runs that callers created, and where the last page of them ended."""

    names: list[str] = field(default_factory=list)
    page_token: str = ""
    turn: int = 0

    def fill(self, request: Message) -> None:
        """Puts runs, one after the other, and a page's token in the place of the stand-ins."""
        if getattr(request, "name", None) == ANY_RUN and self.names:
            self.turn += 1
            request.name = self.names[self.turn % len(self.names)]  # type: ignore[attr-defined]
        if getattr(request, "page_token", None) == PAGE_TOKEN:
            request.page_token = self.page_token  # type: ignore[attr-defined]

    async def note(self, method: str, answer: Message) -> None:
        """Learns from what a request brought."""
        if method == "CreateRun":
            self.names.append(answer.run.name)  # type: ignore[attr-defined]
        if method == "ListRuns":
            self.page_token = answer.next_page_token  # type: ignore[attr-defined]


class KeptExecution:
    """An execution in which a person was asked, and has answered.

    Args:
        channel: to the interpreter.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = InterpreterServiceStub(channel)
        self._name, self._asked, self._page_token = "", 0, ""

    async def open(self) -> None:
        """Executes it."""
        request = ExecuteWorkflowRequest(
            workflow=Workflow(source="Step 1:::terminal:::[ask] Ready?"),
            query="a task",
            model=ModelRef(model=MODEL),
        )
        async for answer in self._stub.ExecuteWorkflow(request, timeout=_DEADLINE):
            self._name = answer.event.started.execution or self._name
            if answer.event.HasField("person_asked"):
                self._asked = answer.event.sequence
                await self._answer()

    async def _answer(self) -> None:
        request = ResumeExecutionRequest(name=self._name, question_sequence=self._asked, answer=ANSWER)
        async with asyncio.timeout(_DEADLINE):
            await self._stub.ResumeExecution(request)

    def fill(self, request: Message) -> None:
        """Puts the execution, its question, a page's token or a workflow in the place of the stand-ins."""
        if getattr(request, "name", None) == ANY_EXECUTION:
            request.name = self._name  # type: ignore[attr-defined]
        if getattr(request, "question_sequence", None) == ASKED:
            request.question_sequence = self._asked  # type: ignore[attr-defined]
        if getattr(request, "page_token", None) == PAGE_TOKEN:
            request.page_token = self._page_token  # type: ignore[attr-defined]
        if isinstance(request, ExecuteWorkflowRequest) and request.workflow_version == EITHER:
            request.workflow_version = "" if request.HasField("workflow") else WORKFLOW

    async def note(self, method: str, answer: Message) -> None:
        """Learns from what a request brought."""
        if method == "ListExecutions":
            self._page_token = answer.next_page_token  # type: ignore[attr-defined]


@dataclass(frozen=True)
class System:
    """Services that answer."""

    channels: dict[str, grpc.aio.Channel]
    """By a service's full name."""
    held: HeldRun
    callers: CallersRuns
    kept: KeptExecution
    registered: KeptWorkflow


@asynccontextmanager
async def running_system(folder: Path) -> AsyncIterator[System]:
    """Serves all services.

    Args:
        folder: for the databases of the trainers.
    """
    launched: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def hold(run: str, token: str) -> None:
        launched.put_nowait((run, token))
        await asyncio.Event().wait()

    channels: dict[str, grpc.aio.Channel] = {}
    page = ArtifactStore(str(folder / "artifacts")).put(b"<!DOCTYPE html>")

    async def evaluate(run: str, token: str) -> None:
        worker = RunWorkerServiceStub(channels["autoflow.v1.TrainerService"])
        metadata = (("authorization", f"Bearer {token}"),)
        grant = await worker.LeaseRun(LeaseRunRequest(run=run), metadata=metadata)
        if grant.run.HasField("evaluation"):
            found = run_pb2.EvaluationResult(page=page)
            end = FinishRunRequest(
                run=run, fencing_token=grant.fencing_token, ledger=run_pb2.Ledger(), evaluation_result=found
            )
            await worker.FinishRun(end, metadata=metadata)

    def settings(part: str) -> dict[str, str]:
        places = {
            "AUTOFLOW_ARTIFACTS": "artifacts",
            "AUTOFLOW_TRAINER_DATA": part,
            "AUTOFLOW_INTERPRETER_DATA": "kept",
            "AUTOFLOW_GENERATOR_DATA": "registered",
        }
        return {**_SETTINGS, **{name: str(folder / place) for name, place in places.items()}}

    def model() -> ScriptedModel:
        return ScriptedModel(lambda _: _WORKFLOW, choose=lambda _, options: len(options) - 1, name=MODEL)

    services = {
        "autoflow.v1.ToolService": autoflow_experts.build({}),
        "autoflow.v1.GeneratorService": autoflow_generator.build(settings("a"), catalogue_of(model())),
        "autoflow.v1.ScorerService": autoflow_scorer.build({}),
        "autoflow.v1.TrainerService": autoflow_trainer.build(settings("ended"), CoroutineLauncher(evaluate)),
        "autoflow.v1.RunWorkerService": autoflow_trainer.build(settings("held"), CoroutineLauncher(hold)),
    }
    async with AsyncExitStack() as stack:

        async def serve(name: str, service: Service) -> str:
            address = await stack.enter_async_context(serving(service))
            channels[name] = await stack.enter_async_context(grpc.aio.insecure_channel(address))
            return address

        addresses = {name: await serve(name, service) for name, service in services.items()}
        channels["autoflow.v1.RegistryService"] = channels["autoflow.v1.GeneratorService"]
        others = {
            "AUTOFLOW_TOOL_PROVIDERS": await stack.enter_async_context(serving(autoflow_experts.build({}))),
            "AUTOFLOW_GENERATOR_ADDRESS": addresses["autoflow.v1.GeneratorService"],
        }
        interpreter = autoflow_interpreter.build({**settings("a"), **others}, catalogue_of(model()))
        await serve("autoflow.v1.InterpreterService", interpreter)
        held = HeldRun(channels["autoflow.v1.RunWorkerService"], launched)
        await held.open()
        kept = KeptExecution(channels["autoflow.v1.InterpreterService"])
        await kept.open()
        registered = KeptWorkflow(channels["autoflow.v1.RegistryService"], PAGE_TOKEN)
        await registered.open()
        yield System(channels, held, CallersRuns(), kept, registered)

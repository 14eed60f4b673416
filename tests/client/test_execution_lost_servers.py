"""Executions whose interpreter, a process of its own, is killed or stopped, and started again."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autoflow.client import Client
from autoflow.client.errors import Cancelled
from autoflow.testing import ScriptedEndpoint
from autoflow.testing.processes import ServiceProcess, start_service
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1.model_pb2 import ModelRef
from autoflow.v1.workflow_pb2 import Workflow
from tests.cli.harness import autoflow
from tests.client.executions import DEADLINE, HASTY

_SOURCE = """\
Step 1:::process:::Look.:::next::Step 2
Step 2:::process:::{}Choose.:::next::Step 3
Step 3:::terminal:::Answer.
"""
_CATALOGUE = """\
models:
  spoken:
    provider: openai
    model: spoken
    endpoint: {}
"""

_PROGRAM = """\
import sys
from autoflow.client import SyncClient
from autoflow.v1.interpreter_service_pb2 import ExecuteWorkflowRequest

request = ExecuteWorkflowRequest.FromString(bytes.fromhex(sys.argv[2]))
with SyncClient(interpreter=sys.argv[1]) as client:
    for event in client.interpreter.execute_workflow(request):
        print(event.WhichOneof("event"), flush=True)
"""


class Speaker:
    """A model that stops at its second call until the test lets it speak."""

    def __init__(self) -> None:
        self.asked = 0
        self.stuck = asyncio.Event()
        self.speak = asyncio.Event()

    async def __call__(self, body: Mapping[str, Any]) -> str:
        self.asked += 1
        if self.asked > 1 and not self.speak.is_set():
            self.stuck.set()
            await self.speak.wait()
        return "a word"


class Server:
    """An interpreter in a process of its own, which can be lost and come back to its port."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self._env = env
        self._log = log
        self.process: ServiceProcess | None = None

    @property
    def address(self) -> str:
        assert self.process is not None
        return self.process.address

    async def start(self) -> None:
        address = self.process.address if self.process else "127.0.0.1:0"
        self.process = await start_service("interpreter", self._env, self._log, address=address)

    async def kill(self) -> None:
        assert self.process is not None
        await self.process.kill()

    async def stop(self) -> None:
        assert self.process is not None
        await self.process.stop()


@asynccontextmanager
async def served(folder: Path, speaker: Speaker) -> AsyncIterator[Server]:
    async with ScriptedEndpoint.serving(speaker) as endpoint:
        models = folder / "models.yaml"
        models.write_text(_CATALOGUE.format(endpoint.base_url))
        env = {
            "AUTOFLOW_MODELS": str(models),
            "AUTOFLOW_PRELOAD_MODELS": "none",
            "AUTOFLOW_INTERPRETER_DATA": str(folder),
            "AUTOFLOW_INTERPRETER_LEASE_SECONDS": "0.5",
            "AUTOFLOW_INTERPRETER_POLL_SECONDS": "0.05",
            "AUTOFLOW_DRAIN_GRACE": "0.2",
        }
        server = Server(env, folder / "interpreter.log")
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


def request(*, ask: bool = False, goes_on: bool = False) -> pb.ExecuteWorkflowRequest:
    policy = pb.DISCONNECT_POLICY_CONTINUE if goes_on else pb.DISCONNECT_POLICY_UNSPECIFIED
    return pb.ExecuteWorkflowRequest(
        workflow=Workflow(source=_SOURCE.format("[ask] " if ask else "")),
        query="q",
        model=ModelRef(model="spoken"),
        on_disconnect=policy,
    )


async def heard(events: AsyncGenerator[pb.ExecutionEvent], kind: str) -> list[pb.ExecutionEvent]:
    """The next events, up to one of a kind."""
    found: list[pb.ExecutionEvent] = []
    async for event in events:
        found.append(event)
        if event.HasField(kind):  # type: ignore[arg-type]  # A name that the test gives.
            return found
    raise AssertionError(f"no event {kind}")


async def test_the_stream_goes_on_when_the_server_is_back(tmp_path: Path) -> None:
    speaker = Speaker()
    async with (
        asyncio.timeout(DEADLINE),
        served(tmp_path, speaker) as server,
        Client(interpreter=server.address, settings=HASTY) as client,
        aclosing(client.interpreter.execute_workflow(request())) as events,
    ):
        every = await heard(events, "branch_taken")
        await speaker.stuck.wait()
        for lose in (server.kill, server.stop):
            going_on = asyncio.create_task(heard(events, "resumed"))
            await lose()
            await server.start()
            every += await going_on
        speaker.speak.set()
        every += await heard(events, "finished")
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert [event.sequence for event in every] == list(range(len(every)))
    assert [event.resumed.resumption for event in every if event.HasField("resumed")] == [1, 2]
    assert every[-1].finished.outcome == pb.EXECUTION_OUTCOME_ANSWERED


async def test_a_question_outlasts_the_server(tmp_path: Path) -> None:
    speaker = Speaker()
    speaker.speak.set()
    async with (
        asyncio.timeout(DEADLINE),
        served(tmp_path, speaker) as server,
        Client(interpreter=server.address, settings=HASTY) as client,
        aclosing(client.interpreter.execute_workflow(request(ask=True))) as events,
    ):
        before = await heard(events, "person_asked")
        going_on = asyncio.create_task(heard(events, "finished"))
        await server.kill()
        await server.start()
        # Another process has a connection of its own; that of this one waits before it tries again.
        name = before[0].started.execution
        answer = await autoflow("executions", "answer", name, "Go.", "--interpreter", server.address)
        assert answer.code == 0, answer.err
        every = before + await going_on
    assert [event.sequence for event in every] == list(range(len(every)))
    told = [event.person_answered.answer for event in every if event.HasField("person_answered")]
    assert told == ["Go."]


async def test_leaving_after_a_loss_lets_it_go_on_where_that_is_wanted(tmp_path: Path) -> None:
    speaker = Speaker()
    async with (
        asyncio.timeout(DEADLINE),
        served(tmp_path, speaker) as server,
        Client(interpreter=server.address, settings=HASTY) as client,
    ):
        async with aclosing(client.interpreter.execute_workflow(request(goes_on=True))) as events:
            before = await heard(events, "branch_taken")
            going_on = asyncio.create_task(heard(events, "resumed"))
            await server.kill()
            await server.start()
            await going_on
        speaker.speak.set()
        name = before[0].started.execution
        await heard(client.interpreter.watch_execution(pb.WatchExecutionRequest(name=name)), "finished")


async def test_a_program_without_an_event_loop_goes_on_too_and_leaves_when_it_is_interrupted(
    tmp_path: Path,
) -> None:
    speaker = Speaker()
    async with asyncio.timeout(DEADLINE), served(tmp_path, speaker) as server:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROGRAM, server.address, request().SerializeToString().hex()),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert program.stdout is not None
        await speaker.stuck.wait()
        await server.kill()
        await server.start()
        while await program.stdout.readline() != b"resumed\n":
            pass
        program.send_signal(signal.SIGINT)
        _, said = await program.communicate()
        assert said.decode().splitlines()[-1] == "KeyboardInterrupt"
        async with Client(interpreter=server.address) as client:
            (kept,) = [each async for each in client.interpreter.list_executions(pb.ListExecutionsRequest())]
            watched = client.interpreter.watch_execution(pb.WatchExecutionRequest(name=kept.name))
            with pytest.raises(Cancelled):
                await heard(watched, "finished")

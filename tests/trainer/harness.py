"""A real trainer on a real port and a real SQLite file, and what tests do with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from autoflow.client import Client
from autoflow.client.settings import ClientSettings, RetrySettings
from autoflow.client.worker import RunWorkerClient
from autoflow.server import Listener, RunningServer, ServerSettings
from autoflow.v1 import run_pb2, trainer_service_pb2
from autoflow_trainer import build
from autoflow_trainer.launcher import Launcher

WORKFLOW = "Step 1:::process:::Name the input.:::next::Step 2\nStep 2:::terminal:::Write the plan."
DEADLINE = 60.0
"""Seconds for anything that a test waits for; only a broken test needs them."""


@dataclass(frozen=True)
class Trainer:
    """A trainer that answers."""

    client: Client
    server: RunningServer

    @property
    def address(self) -> str:
        return self.server.address

    async def stop(self, grace: float) -> None:
        await self.server.stop(grace)

    async def create(self, run: run_pb2.Run | None = None, request_id: str = "") -> run_pb2.Run:
        request = trainer_service_pb2.CreateRunRequest(run=run or optimization(), request_id=request_id)
        return (await self.client.trainer.create_run(request)).run

    async def get(self, name: str) -> run_pb2.Run:
        return (await self.client.trainer.get_run(trainer_service_pb2.GetRunRequest(name=name))).run

    async def cancel(self, name: str) -> run_pb2.Run:
        return (await self.client.trainer.cancel_run(trainer_service_pb2.CancelRunRequest(name=name))).run

    async def watch(self, name: str, after: int = 0) -> AsyncIterator[run_pb2.Run]:
        request = trainer_service_pb2.WatchRunRequest(name=name, after_iterations=after)
        async with aclosing(self.client.trainer.watch_run(request, timeout=DEADLINE)) as answers:
            async for answer in answers:
                yield answer.run

    async def until(self, name: str, reached: Callable[[run_pb2.Run], bool]) -> run_pb2.Run:
        """The run as it was first seen to be so."""
        async for run in self.watch(name):
            if reached(run):
                return run
        raise AssertionError("the run ended before it was so")

    async def until_final(self, name: str) -> run_pb2.Run:
        async for _ in self.watch(name):
            pass
        return await self.get(name)

    def worker(self, token: str) -> RunWorkerClient:
        return RunWorkerClient(self.address, token)


@asynccontextmanager
async def trainer(
    folder: Path, launcher: Launcher | None = None, env: Mapping[str, str] | None = None, **settings: object
) -> AsyncIterator[Trainer]:
    """Serves a trainer whose state is in the folder.

    Args:
        folder: of its database.
        launcher: of its workers.
        env: of the trainer and its workers, beside what is here.
        settings: such as `max_running_runs=2`.
    """
    listener = Listener(ServerSettings(address="127.0.0.1:0"))
    whole_env = {
        **(env or {}),
        "AUTOFLOW_ARTIFACTS": str(folder / "artifacts"),
        "AUTOFLOW_TRAINER_DATA": str(folder / "trainer"),
        "AUTOFLOW_TRAINER_ADDRESS": listener.address,
        "AUTOFLOW_GENERATOR_ADDRESS": "127.0.0.1:1",
        "AUTOFLOW_INTERPRETER_ADDRESS": "127.0.0.1:2",
        "AUTOFLOW_SCORER_ADDRESS": "127.0.0.1:3",
        "AUTOFLOW_RELAUNCH_DELAY": "0.02",
        "AUTOFLOW_RUN_POLL_INTERVAL": "0.1",
        **{f"AUTOFLOW_{name.upper()}": str(value) for name, value in settings.items()},
    }
    # One quick repetition is the least that grpc allows.
    once = ClientSettings(retry=RetrySettings(attempts=2, initial_backoff=0.01, max_backoff=0.01))
    async with (
        await listener.serve(build(whole_env, launcher)) as server,
        Client(trainer=server.address, settings=once) as client,
    ):
        yield Trainer(client, server)


def optimization(seed: int = 0, **changes: object) -> run_pb2.Run:
    """A run that anybody may ask for."""
    run = run_pb2.Run()
    run.optimization.suite = "planning"
    run.optimization.generator.model = "embedded"
    run.optimization.interpreter.model = "embedded"
    run.optimization.method = run_pb2.METHOD_RLOO
    run.optimization.seed = seed
    for name, value in changes.items():
        setattr(run.optimization, name, value)
    return run


class Workers:
    """Hands launched workers to the test, which acts for them.

    Its `work` is what a `CoroutineLauncher` runs: a worker lives until it is killed or dismissed.
    """

    def __init__(self) -> None:
        self._launched: asyncio.Queue[tuple[str, str, asyncio.Event]] = asyncio.Queue()

    async def work(self, run: str, token: str) -> None:
        dismissed = asyncio.Event()
        self._launched.put_nowait((run, token, dismissed))
        await dismissed.wait()

    async def next(self) -> tuple[str, str, asyncio.Event]:
        """Run and token of the next launch, and what ends its worker."""
        async with asyncio.timeout(DEADLINE):
            return await self._launched.get()

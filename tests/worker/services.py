"""Real services on two given models, whose runs are worked on in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import autoflow_experts
import autoflow_generator
import autoflow_interpreter
import autoflow_scorer
from autoflow.llm.base import LanguageModel
from autoflow.settings import from_env
from autoflow.testing import catalogue_of, serving
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.v1 import run_pb2
from autoflow_worker.ports import Policy
from autoflow_worker.settings import WorkerSettings
from autoflow_worker.spec import RunSpec
from tests.trainer.harness import Trainer, trainer

Work = Callable[[str, WorkerSettings], Awaitable[None]]


@dataclass
class World:
    """Real services, whose runs are worked on in this process."""

    trainer: Trainer
    launcher: CoroutineLauncher

    async def finished(self, wanted: run_pb2.Run) -> run_pb2.Run:
        """Creates a run and waits for its end."""
        created = await self.trainer.create(wanted)
        return await self.trainer.until_final(created.name)


def no_policy(spec: RunSpec) -> Policy:
    """A search must not ask for weights."""
    raise AssertionError("a search has loaded a policy")


@asynccontextmanager
async def wired(
    home: Path,
    writer: LanguageModel,
    reader: LanguageModel,
    work: Work,
    *,
    experts: bool = False,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """Serves everything.

    Args:
        home: for what the services keep.
        writer: the generator's model.
        reader: the interpreter's.
        work: what a worker does.
        experts: whether the interpreter has tools to execute plans with.
        env: of the workers, beside where everything is.
    """
    known = {
        "AUTOFLOW_ARTIFACTS": str(home / "artifacts"),
        "AUTOFLOW_SUITE_CACHE": str(home / "suites"),
        **(env or {}),
    }

    async def begin(run: str, token: str) -> None:
        await work(run, from_env(WorkerSettings, {**known, "AUTOFLOW_RUN_TOKEN": token}))

    launcher = CoroutineLauncher(begin)
    async with AsyncExitStack() as stack:
        tools = {}
        if experts:
            providers = await stack.enter_async_context(serving(autoflow_experts.build({})))
            tools["AUTOFLOW_TOOL_PROVIDERS"] = providers
        for name, service in (
            ("GENERATOR", autoflow_generator.build({}, catalogue_of(writer))),
            ("INTERPRETER", autoflow_interpreter.build(tools, catalogue_of(reader))),
            ("SCORER", autoflow_scorer.build({})),
        ):
            known[f"AUTOFLOW_{name}_ADDRESS"] = await stack.enter_async_context(serving(service))
        running = await stack.enter_async_context(
            trainer(home, launcher, run_poll_interval=5.0, max_worker_losses=2)
        )
        known["AUTOFLOW_TRAINER_ADDRESS"] = running.address
        yield World(running, launcher)

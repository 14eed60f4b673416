"""Real services whose runs are worked on in this process, with a small generator of random weights."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

import autoflow_experts
import autoflow_generator
import autoflow_interpreter
import autoflow_scorer
from autoflow.llm.adapters import AdapterFolders
from autoflow.llm.base import Message, ModelUnavailable
from autoflow.llm.local import LocalModel
from autoflow.settings import from_env
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing import ScriptedModel, catalogue_of, serving
from autoflow.testing.launcher import CoroutineLauncher
from autoflow.testing.random_model import SMALL_SHAPE, write_random_model
from autoflow.v1 import run_pb2
from autoflow_worker.assembly import work_on
from autoflow_worker.concurrency import Retry
from autoflow_worker.policy.loading import load
from autoflow_worker.ports import Policy
from autoflow_worker.settings import WorkerSettings
from autoflow_worker.spec import RunSpec
from tests.trainer.harness import Trainer, trainer

Work = Callable[[str, WorkerSettings], Awaitable[None]]
Say = Callable[[Sequence[Message]], str]


def pick(messages: Sequence[Message], options: Sequence[str]) -> int:
    """One of some options, which depends on all that was said."""
    digest = hashlib.sha256("".join(message.content for message in messages).encode()).digest()
    return digest[0] % len(options)


def small_model(folder: Path) -> Path:
    """A small model with random weights, in a folder."""
    torch.set_num_threads(1)
    return write_random_model(folder, shape={**SMALL_SHAPE, "max_position_embeddings": 1024})


@dataclass
class World:
    """Real services, whose runs are worked on in this process."""

    trainer: Trainer
    launcher: CoroutineLauncher

    async def finished(self, wanted: run_pb2.Run) -> run_pb2.Run:
        """Creates a run and waits for its end."""
        created = await self.trainer.create(wanted)
        return await self.trainer.until_final(created.name)


@asynccontextmanager
async def world(
    folder: Path,
    home: Path,
    say: Say,
    work: Work | None = None,
    *,
    away: Callable[[], bool] = lambda: False,
    experts: bool = False,
) -> AsyncIterator[World]:
    """Serves everything.

    Args:
        folder: of the model.
        home: for what the services keep.
        say: what the interpreter's model answers.
        work: what a worker does; its work by default.
        away: whether the generator cannot serve trained policies now.
        experts: whether the interpreter has tools to execute plans with.
    """
    artifacts = str(home / "artifacts")
    folders = AdapterFolders(ArtifactStore(artifacts), home / "adapters")

    def adapters(digest: str) -> Path:
        if away():
            raise ModelUnavailable("the generator is away")
        return folders(digest)

    writer = LocalModel.load("embedded", folder, adapters=adapters)
    reader = ScriptedModel(say, choose=pick, name="embedded")
    env = {"AUTOFLOW_ARTIFACTS": artifacts, "AUTOFLOW_SUITE_CACHE": str(home / "suites")}

    async def begin(run: str, token: str) -> None:
        settings = from_env(WorkerSettings, {**env, "AUTOFLOW_RUN_TOKEN": token})
        await (work or whole_run(folder))(run, settings)

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
            env[f"AUTOFLOW_{name}_ADDRESS"] = await stack.enter_async_context(serving(service))
        running = await stack.enter_async_context(
            trainer(home, launcher, run_poll_interval=5.0, max_worker_losses=2)
        )
        env["AUTOFLOW_TRAINER_ADDRESS"] = running.address
        yield World(running, launcher)


def whole_run(folder: Path, retry: Retry | None = None) -> Work:
    """The worker's own work, with a policy from the folder."""
    return lambda run, settings: work_on(run, settings, partial(policy_of, folder), retry)


def policy_of(folder: Path, spec: RunSpec) -> Policy:
    """The run's untrained policy."""
    return load(folder, spec, device="cpu", threads=1)

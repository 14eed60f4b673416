"""Real services whose runs are worked on in this process, with a small generator of random weights."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import torch

from autoflow.llm.adapters import AdapterFolders
from autoflow.llm.base import Message, ModelUnavailable
from autoflow.llm.local import LocalModel
from autoflow.store.artifacts import ArtifactStore
from autoflow.testing import ScriptedModel
from autoflow.testing.random_model import SMALL_SHAPE, write_random_model
from autoflow_worker.assembly import work_on
from autoflow_worker.concurrency import Retry
from autoflow_worker.policy.loading import load
from autoflow_worker.ports import Policy
from autoflow_worker.spec import RunSpec
from tests.worker.services import Work, World, wired

Say = Callable[[Sequence[Message]], str]


def pick(messages: Sequence[Message], options: Sequence[str]) -> int:
    """One of some options, which depends on all that was said."""
    digest = hashlib.sha256("".join(message.content for message in messages).encode()).digest()
    return digest[0] % len(options)


def small_model(folder: Path) -> Path:
    """A small model with random weights, in a folder."""
    torch.set_num_threads(1)
    return write_random_model(folder, shape={**SMALL_SHAPE, "max_position_embeddings": 1024})


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
    folders = AdapterFolders(ArtifactStore(str(home / "artifacts")), home / "adapters")

    def adapters(digest: str) -> Path:
        if away():
            raise ModelUnavailable("the generator is away")
        return folders(digest)

    writer = LocalModel.load("embedded", folder, adapters=adapters)
    reader = ScriptedModel(say, choose=pick, name="embedded")
    async with wired(home, writer, reader, work or whole_run(folder), experts=experts) as services:
        yield services


def whole_run(folder: Path, retry: Retry | None = None) -> Work:
    """The worker's own work, with a policy from the folder."""
    return lambda run, settings: work_on(run, settings, partial(policy_of, folder), retry)


def policy_of(folder: Path, spec: RunSpec) -> Policy:
    """The run's untrained policy."""
    return load(folder, spec, device="cpu", threads=1)

"""Services with two checkpoints whose workers are processes, and what the interpreter keeps of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import autoflow_generator
import autoflow_interpreter
import autoflow_scorer
from autoflow.client import Client
from autoflow.llm import tiny
from autoflow.testing import serving
from autoflow.v1 import run_pb2
from autoflow.v1.interpreter_service_pb2 import (
    EXECUTION_STATE_FINISHED,
    Execution,
    GetExecutionRequest,
    ListExecutionsRequest,
)
from tests.trainer.harness import DEADLINE, Trainer, trainer
from tests.worker import noting_worker

ROOT = Path(__file__).resolve().parents[3]
COMMAND = f"{sys.executable} {noting_worker.__file__}"


def disturbed(folder: Path) -> Path:
    """The embedded model with slightly other weights, in a folder."""
    shutil.copytree(tiny.path(), folder)
    noise = torch.Generator().manual_seed(7)
    weights = {
        name: weight.float() + 0.002 * torch.randn(weight.shape, generator=noise)
        for name, weight in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@asynccontextmanager
async def system(home: Path, second: Path) -> AsyncIterator[tuple[Trainer, Client, Path]]:
    """Services with two checkpoints, the embedded one and `second`; and where workers note their ids."""
    catalogue = home / "models.yaml"
    catalogue.write_text(f"models: {{second: {{provider: local, path: {second}}}}}\n")
    models = {"AUTOFLOW_MODELS": str(catalogue)}
    kept = {"AUTOFLOW_INTERPRETER_DATA": str(home / "interpreter")}
    notes = home / "pids"
    async with AsyncExitStack() as stack:
        interpreter = await stack.enter_async_context(serving(autoflow_interpreter.build({**models, **kept})))
        service = await stack.enter_async_context(
            trainer(
                home,
                env={"NOTES": str(notes), "PYTHONPATH": str(ROOT)},
                worker_command=COMMAND,
                generator_address=await stack.enter_async_context(serving(autoflow_generator.build(models))),
                interpreter_address=interpreter,
                scorer_address=await stack.enter_async_context(serving(autoflow_scorer.build({}))),
            )
        )
        yield service, await stack.enter_async_context(Client(interpreter=interpreter)), notes


def wanted(suite: str, **changes: int) -> run_pb2.Run:
    """Two checkpoints that write, two that execute."""
    run = run_pb2.Run()
    matrix = run.matrix
    matrix.suite, matrix.method = suite, run_pb2.METHOD_RANDOM
    for name in ("embedded", "second"):
        matrix.generators.add(model=name)
        matrix.interpreters.add(model=name)
    for name, value in {"iterations": 2, "candidates": 1, "tasks": 1, **changes}.items():
        setattr(matrix, name, value)
    return run


async def executions(client: Client) -> list[Execution]:
    """All that the interpreter keeps, with what was asked for."""
    return [
        (await client.interpreter.get_execution(GetExecutionRequest(name=name))).execution
        for name in await _names(client)
    ]


async def until_more(client: Client, count: int) -> None:
    """Waits until the interpreter keeps so many executions more."""
    enough = len(await _names(client)) + count
    async with asyncio.timeout(DEADLINE):
        while True:
            if len(await _names(client)) >= enough:
                return
            await asyncio.sleep(0.02)


async def _names(client: Client) -> list[str]:
    async with aclosing(client.interpreter.list_executions(ListExecutionsRequest())) as listed:
        return [one.name async for one in listed]


def kill_last(notes: Path) -> None:
    """Kills the newest worker."""
    os.kill(int(notes.read_text().split()[-1]), signal.SIGKILL)


def counted(kept: Sequence[Execution]) -> Counter[tuple[str, str, str]]:
    """How often each workflow was executed to its end on each task, by each model."""
    return Counter(
        (one.request.model.model, one.request.workflow.source, one.request.query)
        for one in kept
        if one.state == EXECUTION_STATE_FINISHED
    )

"""All services in this process with the worker beside it, for one optimisation from beginning to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.runs.follow import Update, follow
from autoflow.cli.runs.unfinished import unfinished_runs
from autoflow.cli.runtime import local_services
from autoflow.client import Client, RpcError, TrainerClient
from autoflow.v1 import run_pb2
from autoflow.v1.trainer_service_pb2 import CancelRunRequest, CreateRunRequest

_CANCEL_SECONDS = 5.0


def workers_logs(data: Path) -> Path:
    """Where the trainer of such an environment keeps its workers' logs."""
    return data.absolute() / "trainer" / "workers"


async def optimise(
    run: run_pb2.Run, env: Mapping[str, str], seconds: float, on_update: Callable[[Update], None]
) -> run_pb2.Run:
    """Starts all services, creates a run, follows it to its end, and stops them.

    Args:
        run: what to do.
        env: the environment of the services.
        seconds: limit on the run's time; a run that is not over then is cancelled.
        on_update: is told of every change of the run.

    Returns:
        The run in its final state, with all its iterations.

    Raises:
        CommandFailed: the services did not start, or the run took too long.
        RpcError: a call failed.
    """
    from autoflow.server.compose import SERVICES

    async with local_services(env, SERVICES) as system, Client(trainer=system.addresses["trainer"]) as client:
        await _cancel_leftovers(client.trainer)
        created = (await client.trainer.create_run(CreateRunRequest(run=run))).run
        last = Update(created, ())
        try:
            async with asyncio.timeout(seconds) as limit:
                async with aclosing(follow(client.trainer, created.name)) as updates:
                    async for last in updates:
                        on_update(last)
        except TimeoutError:
            if not limit.expired():
                raise
            reason = f"the run was not over after {seconds:g} s and was cancelled"
            raise CommandFailed(reason, ExitCode.NOT_OK) from None
        finally:
            if not last.final:
                await _cancel(client.trainer, created.name)
        return last.run


async def _cancel_leftovers(trainer: TrainerClient) -> None:
    """Cancels what an earlier demo left unfinished when it was killed; its worker would take the place."""
    for run in await unfinished_runs(trainer):
        await trainer.cancel_run(CancelRunRequest(name=run.name))


async def _cancel(trainer: TrainerClient, name: str) -> None:
    # The command is about to end for another reason, which is the one to tell.
    with suppress(RpcError, TimeoutError):
        await trainer.cancel_run(CancelRunRequest(name=name), timeout=_CANCEL_SECONDS)

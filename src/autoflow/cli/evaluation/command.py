"""Evaluates workflows by a trainer that is there, or by services that run in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from autoflow.cli.console import Output, one_line
from autoflow.cli.evaluation.request import EvaluationRequest, to_proto
from autoflow.cli.evaluation.table import evaluation_view, judged
from autoflow.cli.evaluation.tools import suite_tools
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.names import run_name
from autoflow.cli.options import TRAINER
from autoflow.cli.reaching import reaching
from autoflow.cli.runs.follow import follow
from autoflow.cli.runs.progress import view
from autoflow.cli.runs.states import state_word
from autoflow.cli.runs.unfinished import unfinished_runs
from autoflow.cli.runtime import local_services, log_to, own_environment
from autoflow.cli.sole_use import sole_use
from autoflow.cli.wire import to_json
from autoflow.client import Client, TrainerClient
from autoflow.llm import UnknownModel
from autoflow.llm.catalogue import default_catalogue
from autoflow.v1 import run_pb2
from autoflow.v1.trainer_service_pb2 import (
    CancelRunRequest,
    CreateRunRequest,
    DownloadReportRequest,
)


async def evaluate_workflows(
    request: EvaluationRequest, address: str, page: Path | None, output: Output
) -> None:
    """Evaluates by a trainer, prints the table, and saves the page.

    Args:
        request: what to do.
        address: of the trainer.
        page: where the page goes; None for nowhere.
        output: where to print.

    Raises:
        CommandFailed: no trainer answers, or the evaluation did not succeed.
        RpcError: the trainer refuses the request, or fails.
    """
    async with Client(trainer=address) as client:
        with reaching("trainer", address):
            created = (await client.trainer.create_run(CreateRunRequest(run=to_proto(request)))).run
            where = "" if address == TRAINER else f" --trainer {address}"
            output.note(f"{created.name}; `autoflow runs watch {created.name}{where}` follows it, too")
            await _finish(client.trainer, created.name, page, output)


async def evaluate_locally(request: EvaluationRequest, home: Path, page: Path | None, output: Output) -> None:
    """The same with all services in this process, for as long as it takes.

    An evaluation that was interrupted goes on where it stopped when the same is asked for again.

    Args:
        request: what to do.
        home: folder of their state.
        page: where the page goes; None for nowhere.
        output: where to print.

    Raises:
        CommandFailed: there is no such model, another command works in that folder, or the evaluation did not
            succeed.
    """
    _require_model(request.interpreter)
    wanted = to_proto(request)
    with sole_use(home, "--data"):
        async with _local_trainer(request.suite, home, output) as trainer:
            name = await unfinished(trainer, wanted, output)
            if name:
                output.note(f"{name} was interrupted and goes on")
            else:
                name = (await trainer.create_run(CreateRunRequest(run=wanted))).run.name
            await _finish(trainer, name, page, output)


async def fetch_report(address: str, run: str, page: Path, output: Output) -> None:
    """Saves the page of a run.

    Raises:
        CommandFailed: no trainer answers.
        RpcError: there is no such run, or it has no page.
        OSError: the file cannot be written.
    """
    async with Client(trainer=address) as client:
        with reaching("trainer", address):
            size = await _save(client.trainer, run_name(run), page)
    if output.json:
        output.document({"run": run_name(run), "file": str(page), "bytes": size})
    else:
        output.note(f"{page} is saved")


async def _save(trainer: TrainerClient, name: str, page: Path) -> int:
    """Saves a run's page, when all of it has come; returns its size in bytes."""
    pieces = []
    async with aclosing(trainer.download_report(DownloadReportRequest(name=name))) as chunks:
        async for chunk in chunks:
            pieces.append(chunk.chunk)
    return await asyncio.to_thread(page.write_bytes, b"".join(pieces))


async def _finish(trainer: TrainerClient, name: str, page: Path | None, output: Output) -> None:
    """Follows a run to its end, prints what it found, and saves its page."""
    last = run_pb2.Run(name=name)
    with view(output.err) as progress:
        async with aclosing(follow(trainer, name)) as updates:
            async for update in updates:
                last = update.run
                progress.show(update)
    if output.json:
        output.document(to_json(last))
    if last.state != run_pb2.RUN_STATE_SUCCEEDED:
        reason = one_line(last.error.message) or state_word(last)
        raise CommandFailed(f"{last.name} did not succeed: {reason}", ExitCode.NOT_OK)
    if not output.json:
        output.result(evaluation_view(last))
    if page is not None:
        await _save(trainer, name, page)
        output.note(f"{page} shows {_shown(last)}")


def _shown(run: run_pb2.Run) -> str:
    if judged(run.evaluation_result):
        return "answers, and which constraints fail and why"
    if run.evaluation.reward == run_pb2.REWARD_PLAN:
        return "answers and plans, for none was executed"
    return "inputs, outputs and references"


def _require_model(name: str) -> None:
    # Services of this process have this environment's models; those of a trainer only they themselves know.
    try:
        default_catalogue(os.environ).description(name)
    except UnknownModel as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from None


@asynccontextmanager
async def _local_trainer(suite: str, home: Path, output: Output) -> AsyncIterator[TrainerClient]:
    from autoflow.server.compose import SERVICES

    log = home / "services.log"
    log_to(log, "INFO")
    output.note(f"Starting all services in this process; their log is {log}")
    async with (
        suite_tools(suite, own_environment(home, os.environ)) as env,
        local_services(env, SERVICES) as system,
        Client(trainer=system.addresses["trainer"]) as client,
    ):
        yield client.trainer


async def unfinished(trainer: TrainerClient, wanted: run_pb2.Run, output: Output) -> str:
    """The unfinished run that does what is wanted; others are cancelled, or they would go first.

    Args:
        trainer: nobody else's.
        wanted: the run to create where there is none.
        output: is told of each that is cancelled.

    Returns:
        Its name; empty where there is none.
    """
    found = ""
    for run in await unfinished_runs(trainer):
        if not found and (run.evaluation, run.budget) == (wanted.evaluation, wanted.budget):
            found = run.name
        else:
            output.note(f"{run.name}, another evaluation that was interrupted, is cancelled")
            await trainer.cancel_run(CancelRunRequest(name=run.name))
    return found

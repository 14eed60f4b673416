"""Carries a run out from its creation to its end: by a trainer, or by services of this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from autoflow.cli.console import Output, one_line
from autoflow.cli.evaluation.tools import suite_tools
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.names import run_name
from autoflow.cli.options import TRAINER
from autoflow.cli.reaching import reaching
from autoflow.cli.runs.follow import follow
from autoflow.cli.runs.power import power_line
from autoflow.cli.runs.progress import view
from autoflow.cli.runs.results import page_line, result_view
from autoflow.cli.runs.states import kind_of, state_word, suite_of
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


async def carry_out(
    wanted: run_pb2.Run, address: str, page: Path | None, output: Output, *, detach: bool = False
) -> None:
    """Has a trainer do a run, prints what it found, and saves its page.

    Args:
        wanted: the run to create.
        address: of the trainer.
        page: where the page goes; None for nowhere.
        output: where to print.
        detach: whether to print the run's name and leave it at that.

    Raises:
        CommandFailed: no trainer answers, or the run did not succeed.
        RpcError: the trainer refuses the request, or fails.
    """
    async with Client(trainer=address) as client:
        with reaching("trainer", address):
            created = (await client.trainer.create_run(CreateRunRequest(run=wanted))).run
            where = "" if address == TRAINER else f" --trainer {address}"
            if detach:
                _created(created, where, output)
                return
            output.note(f"{created.name}; `autoflow runs watch {created.name}{where}` follows it, too")
            await _finish(client.trainer, created, page, output)


async def carry_out_locally(wanted: run_pb2.Run, home: Path, page: Path | None, output: Output) -> None:
    """The same with all services in this process, for as long as it takes.

    A run that was interrupted goes on where it stopped when the same is asked for again.

    Args:
        wanted: the run to create.
        home: folder of their state.
        page: where the page goes; None for nowhere.
        output: where to print.

    Raises:
        CommandFailed: there is no such model, another command works in that folder, or the run did not
            succeed.
    """
    _require_models(wanted)
    with sole_use(home, "--data"):
        async with _local_trainer(suite_of(wanted), home, output) as trainer:
            name = await unfinished(trainer, wanted, output)
            if name:
                output.note(f"{name} was interrupted and goes on")
                run = run_pb2.Run(name=name)
            else:
                run = (await trainer.create_run(CreateRunRequest(run=wanted))).run
            await _finish(trainer, run, page, output)


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
        if not found and _asked(run) == _asked(wanted):
            found = run.name
        else:
            output.note(f"{run.name}, another {kind_of(run)} that was interrupted, is cancelled")
            await trainer.cancel_run(CancelRunRequest(name=run.name))
    return found


def _asked(run: run_pb2.Run) -> run_pb2.Run:
    """What is asked of a run, without what came of it."""
    kind = run.WhichOneof("kind")
    asked = run_pb2.Run(budget=run.budget if run.HasField("budget") else None)
    if kind is not None:
        getattr(asked, kind).CopyFrom(getattr(run, kind))
    return asked


def _created(run: run_pb2.Run, where: str, output: Output) -> None:
    if output.json:
        output.document(to_json(run))
        return
    output.line(run.name)
    _tell_power(run, output)
    output.note(f"`autoflow runs watch {run.name}{where}` follows it")


def _tell_power(run: run_pb2.Run, output: Output) -> None:
    if run.HasField("power"):
        output.note(power_line(run))


async def _finish(trainer: TrainerClient, run: run_pb2.Run, page: Path | None, output: Output) -> None:
    """Follows a run to its end, prints what it found, and saves its page."""
    _tell_power(run, output)
    last = run
    with view(output.err) as progress:
        async with aclosing(follow(trainer, run.name)) as updates:
            async for update in updates:
                last = update.run
                progress.show(update)
    if output.json:
        output.document(to_json(last))
    if last.state != run_pb2.RUN_STATE_SUCCEEDED:
        reason = one_line(last.error.message) or state_word(last)
        raise CommandFailed(f"{last.name} did not succeed: {reason}", ExitCode.NOT_OK)
    if not output.json:
        output.result(result_view(last, output.out.width))
    if page is not None:
        await _save(trainer, last.name, page)
        output.note(f"{page} shows {page_line(last)}")


async def _save(trainer: TrainerClient, name: str, page: Path) -> int:
    """Saves a run's page, when all of it has come; returns its size in bytes."""
    pieces = []
    async with aclosing(trainer.download_report(DownloadReportRequest(name=name))) as chunks:
        async for chunk in chunks:
            pieces.append(chunk.chunk)
    return await asyncio.to_thread(page.write_bytes, b"".join(pieces))


def _models(wanted: run_pb2.Run) -> Iterator[str]:
    for parent in (wanted.optimization, wanted.evaluation):
        yield from (model.model for model in (parent.interpreter,) if model.model)
    if wanted.optimization.generator.model:
        yield wanted.optimization.generator.model
    yield from (model.model for model in (*wanted.matrix.generators, *wanted.matrix.interpreters))


def _require_models(wanted: run_pb2.Run) -> None:
    # Services of this process have this environment's models; those of a trainer only they themselves know.
    catalogue = default_catalogue(os.environ)
    for name in _models(wanted):
        try:
            catalogue.description(name)
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

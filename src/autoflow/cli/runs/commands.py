"""What `autoflow runs` does."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from autoflow.cli.console import Output
from autoflow.cli.names import run_name
from autoflow.cli.reaching import trainer_at
from autoflow.cli.runs.follow import Update, follow
from autoflow.cli.runs.progress import view
from autoflow.cli.runs.states import state_word
from autoflow.cli.runs.tables import run_view, runs_table
from autoflow.cli.wire import to_json
from autoflow.client import TrainerClient
from autoflow.v1 import run_pb2
from autoflow.v1.trainer_service_pb2 import (
    CancelRunRequest,
    GetRunRequest,
    ListRunsRequest,
)

_STOPPING = frozenset({run_pb2.RUN_STATE_CANCELLING, run_pb2.RUN_STATE_CANCELLED})


async def list_runs(address: str, limit: int, output: Output) -> None:
    """Prints the newest runs."""
    runs: list[run_pb2.Run] = []
    page_token = ""
    async with trainer_at(address) as trainer:
        while len(runs) < limit:
            request = ListRunsRequest(page_size=limit - len(runs), page_token=page_token)
            page = await trainer.list_runs(request)
            runs += page.runs
            page_token = page.next_page_token
            if not page_token:
                break
    if output.json:
        output.document({"runs": [_summary_json(run) for run in runs]})
    elif runs:
        output.result(runs_table(runs))
    else:
        output.note("there are no runs")


async def show_run(address: str, run: str, output: Output) -> None:
    """Prints a run."""
    async with trainer_at(address) as trainer:
        found = (await trainer.get_run(GetRunRequest(name=run_name(run)))).run
    if output.json:
        output.document(to_json(found))
    else:
        output.result(run_view(found, output.out.width))


async def watch_run(address: str, run: str, output: Output) -> bool:
    """Follows a run to its end and prints it.

    Returns:
        Whether it succeeded.
    """
    async with trainer_at(address) as trainer:
        last = await _follow(trainer, run_name(run), output)
    if not output.json:
        output.result(run_view(last, output.out.width))
    return last.state == run_pb2.RUN_STATE_SUCCEEDED


async def cancel_run(address: str, run: str, output: Output) -> bool:
    """Asks a run to stop and prints where it stands.

    Returns:
        Whether it stops or has stopped because it was asked to.
    """
    async with trainer_at(address) as trainer:
        found = (await trainer.cancel_run(CancelRunRequest(name=run_name(run)))).run
    if output.json:
        output.document(to_json(found))
    else:
        output.line(f"{found.name} {state_word(found)}")
    return found.state in _STOPPING


async def _follow(trainer: TrainerClient, name: str, output: Output) -> run_pb2.Run:
    last = run_pb2.Run(name=name)
    async with aclosing(follow(trainer, name)) as updates:
        if output.json:
            async for update in updates:
                last = update.run
                output.record(_update_json(update))
            return last
        with view(output.err) as progress:
            async for update in updates:
                last = update.run
                progress.show(update)
    return last


def _update_json(update: Update) -> dict[str, Any]:
    return {**to_json(update.run), "iterations": [to_json(iteration) for iteration in update.fresh]}


def _summary_json(run: run_pb2.Run) -> dict[str, Any]:
    # A list's runs come without these, and an empty list of iterations would be a lie.
    return {key: value for key, value in to_json(run).items() if key != "iterations"}

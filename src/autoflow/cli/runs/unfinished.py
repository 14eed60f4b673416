"""The runs that still take a worker's place, or will."""

from __future__ import annotations

from autoflow.cli.runs.states import FINAL
from autoflow.client import TrainerClient
from autoflow.v1 import run_pb2
from autoflow.v1.trainer_service_pb2 import ListRunsRequest


async def unfinished_runs(trainer: TrainerClient) -> list[run_pb2.Run]:
    """All runs that are neither over nor about to be, for somebody has cancelled them; the newest first.

    Args:
        trainer: is asked, page by page.

    Raises:
        RpcError: the trainer fails.
    """
    found: list[run_pb2.Run] = []
    page_token = ""
    while True:
        page = await trainer.list_runs(ListRunsRequest(page_token=page_token))
        found += (run for run in page.runs if run.state not in {*FINAL, run_pb2.RUN_STATE_CANCELLING})
        page_token = page.next_page_token
        if not page_token:
            return found

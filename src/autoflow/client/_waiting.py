"""Follows a run to its end, over streams that break.

It does not look at how a run ended: a failed run is an answer, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from autoflow.client.errors import (
    Cancelled,
    DeadlineExceeded,
    ErrorDetails,
    ResourceExhausted,
    RpcError,
    Unavailable,
)
from autoflow.client.settings import ClientSettings
from autoflow.v1 import run_pb2
from autoflow.v1.trainer_service_pb2 import GetRunRequest, GetRunResponse, WatchRunRequest, WatchRunResponse

OnChange = Callable[[run_pb2.Run], None]

_FINAL = (run_pb2.RUN_STATE_SUCCEEDED, run_pb2.RUN_STATE_FAILED, run_pb2.RUN_STATE_CANCELLED)
_PASSING = (Unavailable, Cancelled, ResourceExhausted, DeadlineExceeded)
"""What comes when a server starts anew, or a stream has lasted for its time."""


class Trainer(Protocol):
    """What is asked of the trainer's client."""

    def watch_run(
        self, request: WatchRunRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[WatchRunResponse]:
        """Streams a run's changes."""

    async def get_run(self, request: GetRunRequest, *, timeout: float | None = None) -> GetRunResponse:
        """Returns a run."""


class RunWait:
    """One wait for the end of a run.

    Args:
        trainer: who is asked.
        settings: the deadlines of single calls, and the pauses between them.
        name: `runs/<id>`.
        on_change: called with the run after every change, with new iterations alone.
    """

    def __init__(
        self, trainer: Trainer, settings: ClientSettings, name: str, on_change: OnChange | None
    ) -> None:
        self._trainer = trainer
        self._settings = settings
        self._name = name
        self._on_change = on_change
        self._seen = 0
        self._pause = settings.retry.initial_backoff

    async def until_final(self, timeout: float) -> run_pb2.Run:
        """Returns the run, whole, when it is final.

        Args:
            timeout: seconds for all of it.

        Raises:
            DeadlineExceeded: it is not final by then.
            RpcError: any other failure that does not pass by itself.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        last: RpcError | None = None
        while (left := end - clock()) > 0:
            try:
                if await self._watch(min(left, self._settings.stream_timeout)):
                    left = max(end - clock(), 0.001)
                    request = GetRunRequest(name=self._name)
                    seconds = min(left, self._settings.unary_timeout)
                    return (await self._trainer.get_run(request, timeout=seconds)).run
            except _PASSING as error:
                last = error
                pause = max(error.details.retry_after or 0, self._pause)
                await asyncio.sleep(max(min(pause, end - clock()), 0))
                self._pause = min(2 * self._pause, self._settings.retry.max_backoff)
        raise DeadlineExceeded(
            "/autoflow.v1.TrainerService/WatchRun",
            f"{self._name} is not final after {timeout:g} s",
            last.details if last else ErrorDetails(),
        ) from last

    async def _watch(self, timeout: float) -> bool:
        """Follows the run until it is final, or the stream ends; tells which."""
        request = WatchRunRequest(name=self._name, after_iterations=self._seen)
        final = False
        async with aclosing(self._trainer.watch_run(request, timeout=timeout)) as answers:
            async for answer in answers:
                self._seen += len(answer.run.iterations)
                self._pause = self._settings.retry.initial_backoff
                if self._on_change is not None:
                    self._on_change(answer.run)
                final = answer.run.state in _FINAL
        return final

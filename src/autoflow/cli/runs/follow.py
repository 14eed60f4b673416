"""Follows a run to its end, across streams that end before it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from autoflow.cli.runs.states import FINAL
from autoflow.client import TrainerClient
from autoflow.client.errors import DeadlineExceeded, Unavailable
from autoflow.v1 import run_pb2
from autoflow.v1.trainer_service_pb2 import WatchRunRequest

_STREAM_SECONDS = 600.0
"""Of one stream; another follows."""
_BROKEN_STREAMS = 5
"""So many in a row without a word, and the trainer counts as gone."""


@dataclass(frozen=True, slots=True)
class Update:
    """A run after a change."""

    run: run_pb2.Run
    """The run with all its iterations."""
    fresh: tuple[run_pb2.Iteration, ...]
    """Those that no earlier update had."""

    @property
    def final(self) -> bool:
        """Whether nothing changes any more."""
        return self.run.state in FINAL


async def follow(trainer: TrainerClient, name: str, *, pause: float = 1.0) -> AsyncGenerator[Update]:
    """Yields a run as it stands and after every change, until it is final.

    Args:
        trainer: where the run is.
        name: `runs/<id>`.
        pause: seconds before a stream that ended too early is opened anew.

    Raises:
        NotFound: there is no such run.
        Unavailable: the trainer cannot be reached, or has gone.
        TimeoutError: the trainer ends stream after stream without a word.
    """
    known: list[run_pb2.Iteration] = []
    heard = False
    broken = 0
    while True:
        request = WatchRunRequest(name=name, after_iterations=len(known))
        try:
            async with aclosing(trainer.watch_run(request, timeout=_STREAM_SECONDS)) as stream:
                async for response in stream:
                    heard, broken = True, 0
                    update = _update(known, response.run)
                    yield update
                    if update.final:
                        return
        except DeadlineExceeded:
            continue
        except Unavailable:
            # Before the first answer the channel itself has tried several times.
            if not heard or broken == _BROKEN_STREAMS:
                raise
        if broken == _BROKEN_STREAMS:
            raise TimeoutError(f"the trainer keeps ending the stream of {name}")
        broken += 1
        await asyncio.sleep(pause)


def _update(known: list[run_pb2.Iteration], run: run_pb2.Run) -> Update:
    fresh = tuple(run.iterations)
    known.extend(fresh)
    whole = run_pb2.Run()
    whole.CopyFrom(run)
    del whole.iterations[:]
    whole.iterations.extend(known)
    return Update(whole, fresh)

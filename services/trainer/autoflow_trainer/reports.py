"""The pages of runs, read from the artifact store.

A page is small enough to be held in memory whole; it is checked against its name before its first byte is
given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from autoflow.errors import DataLoss, FailedPrecondition, NotFound
from autoflow_trainer.runs import Run
from autoflow_trainer.store import RunStore

_CHUNK = 256 * 1024
"""Bytes of a piece."""


class Blobs(Protocol):
    """Where pages are."""

    def get(self, digest: str) -> bytes:
        """Reads a blob; blocks. Raises NotFound, DataLoss or Unavailable."""


class Reports:
    """Reads pages.

    Args:
        store: where the runs are.
        artifacts: where the pages are.
        page_of: the digest of a run's page; empty where it has none, or none yet.
    """

    def __init__(self, store: RunStore, artifacts: Blobs, page_of: Callable[[Run], str]) -> None:
        self._store = store
        self._artifacts = artifacts
        self._page_of = page_of

    async def read(self, run_id: str) -> AsyncGenerator[bytes, None]:
        """Yields a run's page, piece by piece.

        Raises:
            NotFound: there is no such run.
            FailedPrecondition: it has no page, or not yet.
            DataLoss: the page is gone or damaged.
            Unavailable: the artifact store cannot be reached.
        """
        digest = self._page_of((await self._store.get(run_id)).run)
        if not digest:
            raise FailedPrecondition("the run has no page, or not yet: it is made when the run succeeds")
        try:
            page = await asyncio.to_thread(self._artifacts.get, digest)
        except NotFound:
            raise DataLoss("the page of this run is no longer in the artifact store") from None
        for start in range(0, len(page), _CHUNK):
            yield page[start : start + _CHUNK]

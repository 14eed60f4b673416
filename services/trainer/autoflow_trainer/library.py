"""The suites that there are: built-in ones, and those that callers created.

A created suite is named by its content. Its artifact is stored before its row, so a suite that was
acknowledged can be loaded; an artifact whose row was never written does no harm.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from functools import cache
from operator import attrgetter
from pathlib import Path

from autoflow import paging
from autoflow.admission import Admission
from autoflow.errors import NotFound
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import load_suite, suite_names
from autoflow_trainer.store import SuiteStore
from autoflow_trainer.suites import Suite, SuitePage
from autoflow_trainer.uploads import Bounds, Part, receiving

_BUILT_IN_SEQUENCE = 2**62
"""The place of the first built-in suite in the order of creation: after all that will ever be created."""
_SUITES = "suites"
_NAMED = 5
"""So many created suites are told to whoever names one that is not there."""


class SuiteLibrary:
    """Creates suites and finds them.

    Args:
        store: where the created ones are recorded.
        artifacts: where their folders are kept.
        scratch: the folder of uploads under way.
        clock: the time, aware.
        bounds: how much one upload may be.
        max_uploads: uploads at a time; one more is refused.
    """

    def __init__(
        self,
        store: SuiteStore,
        artifacts: ArtifactStore,
        scratch: Path,
        *,
        clock: Callable[[], datetime],
        bounds: Bounds,
        max_uploads: int,
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._scratch = scratch
        self._clock = clock
        self._bounds = bounds
        self._uploads = Admission(max_uploads, "uploads of suites")

    async def start(self) -> None:
        """Clears away what uploads left behind whose process was killed."""
        await asyncio.to_thread(_make_empty, self._scratch)

    async def create(self, parts: AsyncIterator[Part]) -> Suite:
        """Creates a suite, or returns the one of the same content.

        Args:
            parts: the suite, then each task followed by its samples, then the end.

        Raises:
            InvalidArgument: a part is wrong or out of order, or two splits share a content.
            SuiteTooLarge: it is larger than the bounds.
            ResourceExhausted: too many uploads are under way.
            DeadlineExceeded: the next part did not come.
            Unavailable: the artifact store or the database is away, or the scratch folder cannot be written.
        """
        with self._uploads.enter():
            async with receiving(self._scratch, self._bounds) as upload:
                suite = await upload.receive(parts)
                # Also where the suite is known: its folder may have been lost.
                artifact = await upload.store(self._artifacts)
            suite = replace(suite, artifact=artifact, create_time=self._clock())
            stored = await self._store.insert(suite)
            # Under another title it has another folder.
            if not await asyncio.to_thread(self._artifacts.has, stored.artifact):
                stored = await self._store.mend(suite, lost=stored.artifact)
        return await self._with_openings(stored)

    async def get(self, suite_id: str) -> Suite:
        """A suite.

        Raises:
            NotFound: there is none of that id; the message names some that there are.
        """
        return await self._with_openings(await self.find(suite_id))

    async def list(self, page_size: int, token: str) -> SuitePage:
        """A page of suites, the built-in ones first, then the newest.

        Args:
            page_size: how many; 0 means the default.
            token: the `next_page_token` of the page before; empty means the first page.

        Raises:
            InvalidArgument: this service made no such token.
        """
        size, before = paging.page_size(page_size), paging.page_start(token, _SUITES)
        known = [await asyncio.to_thread(_built_in_suite, name) for name in suite_names()]
        built_in = [suite for suite in known if before is None or suite.sequence < before]
        # One more than asked for tells whether there is a next page.
        found = [*built_in, *await self._store.page(before, size + 1)]
        shown, next_token = paging.cut(found, size, _SUITES, attrgetter("sequence"))
        openings = await self._store.openings([suite.digest for suite in shown])
        return SuitePage(tuple(suite.opened(openings.get(suite.digest, 0)) for suite in shown), next_token)

    async def find(self, suite_id: str) -> Suite:
        """A suite whose openings are not counted.

        Raises:
            NotFound: there is none of that id; the message names some that there are.
        """
        if suite_id in suite_names():
            return await asyncio.to_thread(_built_in_suite, suite_id)
        found = await self._store.find(suite_id)
        if found is None:
            newest = await self._store.page(None, _NAMED)
            names = [*suite_names(), *(f"suites/{suite.id} ({suite.head.title})" for suite in newest)]
            raise NotFound(f"no suite is named {suite_id!r}; there are: {', '.join(names)}")
        return found

    async def _with_openings(self, suite: Suite) -> Suite:
        return suite.opened((await self._store.openings([suite.digest])).get(suite.digest, 0))


@cache
def _built_in_suite(name: str) -> Suite:
    # To name its content takes up to a second, and it is always the same.
    place = suite_names().index(name)
    return replace(Suite.of(load_suite(name), name), sequence=_BUILT_IN_SEQUENCE - place)


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)

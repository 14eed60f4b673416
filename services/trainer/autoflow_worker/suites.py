"""The suite of a run: built in, or the folder of one that somebody created.

A folder is fetched once into a cache that all workers of a machine share, and is read anew by each; what is
read must be the suite that the run names. A copy that is damaged is fetched once more. The cache only grows.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from autoflow.errors import DataLoss, InvalidArgument, NotFound, Unavailable
from autoflow.suites import Sample, SampleSource, Task, TaskSuite, load_suite
from autoflow.suites.loading import load_own
from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Journal
from autoflow_worker.lease import Finding, Grant
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Artifacts, CallFailed
from autoflow_worker.results import Progress
from autoflow_worker.worker import Job


class Suites:
    """Loads suites. The calls block: hand them to a thread.

    Args:
        artifacts: where the folders are.
        cache: the folder of their copies.
    """

    def __init__(self, artifacts: Artifacts, cache: Path) -> None:
        self._artifacts = artifacts
        self._cache = cache

    def load(self, name: str, artifact: str) -> TaskSuite:
        """Loads a suite.

        Args:
            name: `suites/<id>`, or the id alone.
            artifact: of its folder; empty where it is built in.

        Raises:
            NotFound: there is no built-in suite of that name.
            DataLoss: the folder is gone, or is not what it was.
            CallFailed: the artifact store is away, or the disk does not do it. Samples raise it, too.
        """
        suite_id = name.removeprefix("suites/")
        if not artifact:
            return load_suite(suite_id)
        folder = self._cache / artifact.removeprefix("sha256:")
        with _passing():
            try:
                self._artifacts.fetch_folder(artifact, folder)
                try:
                    return _read(folder, suite_id)
                except _Unsound:
                    self._fetch_anew(artifact, folder)
                    return _read(folder, suite_id)
            except NotFound as error:
                raise DataLoss(f"the folder of suites/{suite_id} is gone: {error.message}") from error

    def _fetch_anew(self, artifact: str, folder: Path) -> None:
        """Puts a fresh copy in the place of a damaged one, at once: other workers may be reading there."""
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=self._cache) as scratch:
            fresh = self._artifacts.fetch_folder(artifact, Path(scratch) / "fresh")
            # Another worker that does the same may be a step ahead.
            with suppress(FileNotFoundError):
                folder.rename(Path(scratch) / "damaged")
            try:
                fresh.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise


class _Unsound(DataLoss):
    """What lies in a folder is not the suite that it should be."""


def _read(folder: Path, suite_id: str) -> TaskSuite:
    try:
        suite = load_own(folder)
    except InvalidArgument as error:
        raise _Unsound(f"the folder of suites/{suite_id} is damaged: {error.message}") from error
    if suite.digest != f"sha256:{suite_id}":
        raise _Unsound(f"the folder of suites/{suite_id} holds another suite by now")
    source = suite.source
    return suite if source is None else replace(suite, source=lambda: _patient(source()))


def _patient(source: SampleSource) -> SampleSource:
    """The same samples; a disk that does not give them now may do so later."""

    def samples(task: Task, count: int) -> tuple[Sample, ...]:
        with _passing():
            return source(task, count)

    return samples


@contextmanager
def _passing() -> Iterator[None]:
    """Says of what may pass that it may."""
    try:
        yield
    except Unavailable as error:
        raise CallFailed(error.message) from error
    except OSError as error:
        raise CallFailed(f"the folder of suites cannot be used now: {error.strerror}") from error


class SuiteFirst:
    """Work that begins with loading the run's suite, which may take long: the lease is kept meanwhile.

    Args:
        load: loads the suite; blocks.
        prepare: makes the rest of the work.
        grant: the run's lease.
        journal: is told of it.
        retry: what is done where the artifact store is away.
    """

    def __init__(
        self,
        load: Callable[[], TaskSuite],
        prepare: Callable[[TaskSuite], Job],
        grant: Grant,
        journal: Journal,
        retry: Retry,
    ) -> None:
        self._load = load
        self._prepare = prepare
        self._spent = grant.spent
        self._journal = journal
        self._retry = retry
        self._job: Job | None = None

    @property
    def ledger(self) -> Ledger:
        """What the run has spent by now."""
        return self._spent if self._job is None else self._job.ledger

    async def run(self) -> Finding:
        """Loads the suite, then does the work."""
        self._journal.progress(Progress("loading", 0, 0))
        suite = await self._retry.call(partial(asyncio.to_thread, self._load))
        self._job = self._prepare(suite)
        return await self._job.run()

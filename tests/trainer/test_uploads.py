"""Where an upload does its work: in its own thread, and never where all other calls wait for it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path, PosixPath
from typing import ClassVar

from autoflow.suites.loading import load_own
from autoflow.v1.trainer_service_pb2 import CreateSuiteRequest
from autoflow_trainer.suite_convert import parts_from_proto
from autoflow_trainer.suites import Suite
from autoflow_trainer.uploads import Bounds, receiving
from tests.trainer.suites import folder, parts

BOUNDS = Bounds(tasks=9, samples=99, bytes=9999, pause=9, duration=99)


class Noting(PosixPath):
    """A path that notes in which threads folders are made and removed."""

    makers: ClassVar[list[str]] = []

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        self.makers.append(threading.current_thread().name)
        super().mkdir(mode, parents, exist_ok)


async def requests() -> AsyncIterator[CreateSuiteRequest]:
    for part in parts():
        yield part


async def test_folders_are_made_and_suites_are_named_in_the_thread_of_the_upload(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    async with receiving(Noting(uploads), BOUNDS) as upload:
        # Whole, with the digest: nothing is left to be computed by whoever asked for it.
        assert await upload.receive(parts_from_proto(requests())) == Suite.of(
            load_own(folder(tmp_path / "own"))
        )
    assert len(Noting.makers) == 2
    assert {name.split("_")[0] for name in Noting.makers} == {"suite-upload"}
    assert list(uploads.iterdir()) == []

"""The requests that create a suite, from a suite that was loaded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from autoflow.errors import DataLoss, InvalidArgument
from autoflow.suite_messages import SuiteRequests
from autoflow.suites import Split, TaskSuite, load_suite
from autoflow.suites.loading import load_own
from tests.trainer.suites import folder, parts


def test_a_folder_makes_the_requests_that_made_it(tmp_path: Path) -> None:
    requests = SuiteRequests(load_own(folder(tmp_path / "own")))
    expected = parts()
    for part in expected:
        if part.HasField("task"):
            part.task.stratum = "all"
    assert list(requests) == expected
    # A call that failed is made again with the same object.
    assert list(requests) == expected


def test_so_many_samples_are_taken_as_are_asked_for() -> None:
    built_in = load_suite("planning")
    few = {split: built_in.tasks(split)[:2] for split in Split}
    suite = TaskSuite(built_in.title, built_in.goal, built_in.tools, few, built_in.source)
    kinds = Counter(request.WhichOneof("part") for request in SuiteRequests(suite, samples=3))
    assert kinds == {"suite": 1, "task": 6, "sample": 18, "end": 1}
    # There is no end of what is made on demand.
    with pytest.raises(InvalidArgument, match="more than 64 samples"):
        list(SuiteRequests(suite))


def test_samples_are_read_when_it_is_their_turn(tmp_path: Path) -> None:
    root = folder(tmp_path / "own")
    requests = iter(SuiteRequests(load_own(root)))
    for _ in range(5):
        next(requests)
    for picture in (root / "media").iterdir():
        picture.unlink()
    with pytest.raises(DataLoss, match="read before"):
        next(requests)

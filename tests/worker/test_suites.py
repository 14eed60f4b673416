"""The suite of a run: the one that it names, or a clear word of what became of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autoflow.errors import DataLoss, NotFound, Unavailable
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split, TaskSuite, load_suite
from autoflow.suites.loading import load_own
from autoflow_worker.lease import Finding, Grant
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import CallFailed
from autoflow_worker.results import IterationReport, Progress
from autoflow_worker.suites import SuiteFirst, Suites
from tests.exhausted import no_more_files
from tests.trainer.suites import folder, picture
from tests.worker.doubles import IMPATIENT, suite


class Stored:
    """A suite in a store, and a worker's view of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = folder(home / "own")
        self.artifacts = ArtifactStore(str(home / "artifacts"))
        self.artifact = self.artifacts.put_folder(self.folder)
        self.digest = load_own(self.folder).digest
        self.suites = Suites(self.artifacts, home / "cache")

    @property
    def copy(self) -> Path:
        """In the cache."""
        return self.home / "cache" / self.artifact.removeprefix("sha256:")

    @property
    def name(self) -> str:
        return "suites/" + self.digest.removeprefix("sha256:")


class Away(ArtifactStore):
    """A store that cannot be reached."""

    def fetch_folder(self, digest: str, into: Path) -> Path:
        raise Unavailable("away")


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


@pytest.mark.parametrize("name", ["planning", "suites/planning"])
def test_a_built_in_suite_has_two_names(stored: Stored, name: str) -> None:
    assert stored.suites.load(name, "") == load_suite("planning")


def test_a_created_suite_is_fetched_once(stored: Stored) -> None:
    loaded = stored.suites.load(stored.name, stored.artifact)
    shutil.rmtree(stored.home / "artifacts")
    assert loaded.digest == stored.digest
    assert stored.suites.load(stored.name.removeprefix("suites/"), stored.artifact) == loaded


def test_a_suite_that_is_not_there_is_told(stored: Stored) -> None:
    with pytest.raises(NotFound, match="'holiday'"):
        stored.suites.load("suites/holiday", "")
    with pytest.raises(DataLoss, match=f"the folder of {stored.name} is gone"):
        stored.suites.load(stored.name, "sha256:" + "0" * 64)


def test_a_folder_that_holds_something_else_is_told(stored: Stored) -> None:
    tasks = stored.folder / "tasks.jsonl"
    tasks.write_text(tasks.read_text().replace("A fine day", "A finer day"))
    with pytest.raises(DataLoss, match="holds another suite"):
        stored.suites.load(stored.name, stored.artifacts.put_folder(stored.folder))
    tasks.write_text("{")
    with pytest.raises(DataLoss, match=r"is damaged: tasks\.jsonl, line 1"):
        stored.suites.load(stored.name, stored.artifacts.put_folder(stored.folder))


def emptied(copy: Path) -> None:
    (copy / "tasks.jsonl").write_text("")


def reworded(copy: Path) -> None:
    tasks = copy / "tasks.jsonl"
    tasks.write_text(tasks.read_text().replace("A fine day", "A finer day"))


def without_pictures(copy: Path) -> None:
    shutil.rmtree(copy / "media")


@pytest.mark.parametrize("damage", [emptied, reworded, without_pictures])
def test_a_damaged_copy_of_a_sound_folder_is_fetched_once_more(
    stored: Stored, damage: Callable[[Path], None]
) -> None:
    sound = stored.suites.load(stored.name, stored.artifact)
    damage(stored.copy)
    healed = stored.suites.load(stored.name, stored.artifact)
    assert healed == sound
    # A worker that has read the suite before finds its pictures again.
    for one in (sound, healed):
        assert [len(one.samples(task)) for task in one.tasks(Split.TEST)] == [2, 1]
    assert list((stored.home / "cache").iterdir()) == [stored.copy]
    shutil.rmtree(stored.home / "artifacts")
    assert stored.suites.load(stored.name, stored.artifact) == sound


def test_two_workers_mend_the_same_copy(stored: Stored) -> None:
    class Slow(ArtifactStore):
        """Meanwhile another worker does the same."""

        def fetch_folder(self, digest: str, into: Path) -> Path:
            if into != stored.copy:
                stored.suites.load(stored.name, stored.artifact)
            return super().fetch_folder(digest, into)

    stored.suites.load(stored.name, stored.artifact)
    emptied(stored.copy)
    suites = Suites(Slow(str(stored.home / "artifacts")), stored.home / "cache")
    assert suites.load(stored.name, stored.artifact).digest == stored.digest
    assert list((stored.home / "cache").iterdir()) == [stored.copy]


def test_a_damaged_copy_of_a_folder_that_is_gone_is_told(stored: Stored) -> None:
    stored.suites.load(stored.name, stored.artifact)
    emptied(stored.copy)
    shutil.rmtree(stored.home / "artifacts")
    with pytest.raises(DataLoss, match=f"the folder of {stored.name} is gone"):
        stored.suites.load(stored.name, stored.artifact)


def test_a_machine_that_opens_no_more_files_may_do_so_later(stored: Stored) -> None:
    loaded = stored.suites.load(stored.name, stored.artifact)
    *_, task = loaded.tasks(Split.TEST)
    with no_more_files():
        with pytest.raises(CallFailed, match="Too many open files"):
            stored.suites.load(stored.name, stored.artifact)
        with pytest.raises(CallFailed, match="Too many open files"):
            loaded.samples(task)
    assert loaded.samples(task)[0].inputs == (picture(2),)


def test_a_store_that_is_away_may_come_back(stored: Stored) -> None:
    with pytest.raises(CallFailed, match="away"):
        Suites(Away(str(stored.home)), stored.home / "cache").load(stored.name, stored.artifact)


class Journal:
    """Notes what is told."""

    def __init__(self) -> None:
        self.phases: list[str] = []

    def progress(self, progress: Progress) -> None:
        self.phases.append(progress.phase)

    async def commit(self, report: IterationReport, checkpoint: str) -> None:
        raise AssertionError

    async def open_test(self, suite_digest: str) -> int:
        raise AssertionError


class Work:
    """What there is to do with a suite."""

    ledger = Ledger(executions=9)

    def __init__(self, loaded: TaskSuite) -> None:
        self.loaded = loaded

    async def run(self) -> Finding:
        raise NotFound(f"done with {self.loaded.title}")


async def test_the_work_begins_when_the_suite_is_there() -> None:
    spent, journal = Ledger(executions=3), Journal()
    away = [CallFailed("away"), CallFailed("away")]

    def load() -> TaskSuite:
        if away:
            raise away.pop()
        return suite()

    def read_spec() -> object:
        raise AssertionError

    grant = Grant(read_spec, fencing_token=1, seconds=9, checkpoint="", spent=spent)  # type: ignore[arg-type]
    job = SuiteFirst(load, Work, grant, journal, IMPATIENT)
    assert job.ledger == spent
    with pytest.raises(NotFound, match="done with doubles"):
        await job.run()
    assert job.ledger == replace(spent, executions=9)
    assert journal.phases == ["loading"]

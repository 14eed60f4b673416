"""Batches of an evaluation come back from the artifact store as they were."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoflow.errors import FailedPrecondition, NotFound
from autoflow.llm.base import Usage
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites.judging import Kind, Verdict
from autoflow_worker.evaluation.shelf import MeasuredTask, Shelf
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Evidence, Outcome, Score

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PARTS = st.floats(0, 1)
OUTCOMES = st.builds(Outcome, PARTS, st.none() | TEXTS | st.binary(max_size=8), TEXTS)
EVIDENCE = st.builds(
    Evidence,
    TEXTS,
    st.lists(TEXTS, max_size=3).map(tuple),
    TEXTS,
    st.lists(OUTCOMES, max_size=2).map(tuple),
    st.lists(st.builds(Verdict, TEXTS, st.sampled_from(Kind), st.booleans(), TEXTS), max_size=2).map(tuple),
)
NUMBERS = st.integers(0, 9)
USAGE = st.builds(Usage, NUMBERS, NUMBERS, NUMBERS, NUMBERS, PARTS)
COSTS = st.none() | st.builds(Ledger, NUMBERS, NUMBERS, NUMBERS, USAGE, PARTS, NUMBERS, NUMBERS)
SCORES = st.none() | st.builds(Score, st.booleans(), PARTS, PARTS, st.none() | EVIDENCE, st.booleans(), COSTS)
ONCE = st.builds(MeasuredTask, TEXTS, TEXTS, st.lists(SCORES, min_size=1, max_size=3).map(tuple))
OFTEN = st.lists(st.lists(SCORES, min_size=2, max_size=3).map(tuple), min_size=1, max_size=3)
TASKS = ONCE | st.builds(MeasuredTask.of, TEXTS, TEXTS, OFTEN)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(TASKS, min_size=1, max_size=2), min_size=1, max_size=3))
def test_what_was_stored_comes_back(batches: list[list[MeasuredTask]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        shelf = Shelf(ArtifactStore(home))
        *_, checkpoint = [shelf.add(batch) for batch in batches]
        tasks = [task for batch in batches for task in batch]
        again = Shelf(ArtifactStore(home))
        assert again.restore(checkpoint) == [task.light for task in tasks]
        assert again.count == len(batches)
        for one in (shelf, again):
            # Whatever the order in which they are asked for.
            read = list(one.tasks(reversed(range(len(tasks)))))
            assert [number for number, _ in read] == list(range(len(tasks)))
            for task, (_, found) in zip(tasks, read, strict=True):
                assert found == task
                # Scores are equal whatever their evidence and their cost.
                for column in range(len(task.scores)):
                    ours, theirs = found.cells(column), task.cells(column)
                    assert [score and score.evidence for score in ours] == [
                        score and score.evidence for score in theirs
                    ]
                    assert [score and score.cost for score in ours] == [
                        score and score.cost for score in theirs
                    ]


class Counting(ArtifactStore):
    """A store that counts what is fetched."""

    fetched = 0

    def fetch_folder(self, digest: str, into: Path) -> Path:
        self.fetched += 1
        return super().fetch_folder(digest, into)


def test_a_batch_is_fetched_once_for_all_that_is_wanted_of_it(tmp_path: Path) -> None:
    store = Counting(str(tmp_path))
    shelf = Shelf(store)
    for batch in range(20):
        shelf.add([MeasuredTask(f"t{batch}-{place}", "vit", (None,)) for place in range(4)])
    # Far apart, as the worst tasks are.
    wanted = [4 * batch + place for place in (3, 0) for batch in range(0, 20, 2)]
    assert {number: task.task for number, task in shelf.tasks(wanted)} == {
        number: f"t{number // 4}-{number % 4}" for number in wanted
    }
    assert store.fetched == 10


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "evaluation.json").write_text('{"format": 0, "batches": []}')
    with pytest.raises(FailedPrecondition, match="another version"):
        Shelf(store).restore(store.put_folder(folder))


def test_a_checkpoint_from_before_there_were_judges_is_read(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    evidence = {"answer": "a", "plan": ["Alpha"], "detail": "", "outcomes": []}
    score = {"plan_valid": True, "reward": 1.0, "plan_f1": 0.5, "evidence": evidence}
    batch = store_folder(
        store, tmp_path / "1", "tasks.json", [{"task": "t", "metric": "vit", "scores": [score]}]
    )
    state = store_folder(store, tmp_path / "2", "evaluation.json", {"format": 1, "batches": [batch]})
    [found] = Shelf(store).restore(state)
    assert found == MeasuredTask("t", "vit", (Score(True, 1.0, 0.5),))
    assert found.scores[0] is not None
    assert found.scores[0].evidence == Evidence("a", ("Alpha",))


def store_folder(store: ArtifactStore, folder: Path, name: str, content: object) -> str:
    folder.mkdir()
    (folder / name).write_text(json.dumps(content))
    return store.put_folder(folder)


def test_a_checkpoint_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Shelf(ArtifactStore(str(tmp_path))).restore("sha256:" + "0" * 64)

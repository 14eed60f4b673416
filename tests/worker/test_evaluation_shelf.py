"""Batches of an evaluation come back from the artifact store as they were."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoflow.errors import FailedPrecondition, NotFound
from autoflow.store.artifacts import ArtifactStore
from autoflow_worker.evaluation.shelf import MeasuredTask, Shelf
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
)
SCORES = st.none() | st.builds(Score, st.booleans(), PARTS, PARTS, st.none() | EVIDENCE)
TASKS = st.builds(MeasuredTask, TEXTS, TEXTS, st.lists(SCORES, min_size=1, max_size=3).map(tuple))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(TASKS, min_size=1, max_size=2), min_size=1, max_size=3))
def test_what_was_stored_comes_back(batches: list[list[MeasuredTask]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        shelf = Shelf(ArtifactStore(home))
        *_, checkpoint = [shelf.add(batch) for batch in batches]
        tasks = [task for batch in batches for task in batch]
        again = Shelf(ArtifactStore(home))
        assert again.restore(checkpoint) == [task.light for task in tasks]
        for number, task in enumerate(tasks):
            for found in (shelf.task(number), again.task(number)):
                assert found == task
                # Scores are equal whatever their evidence is.
                assert [score and score.evidence for score in found.scores] == [
                    score and score.evidence for score in task.scores
                ]


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "evaluation.json").write_text('{"format": 0, "batches": []}')
    with pytest.raises(FailedPrecondition, match="another version"):
        Shelf(store).restore(store.put_folder(folder))


def test_a_checkpoint_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Shelf(ArtifactStore(str(tmp_path))).restore("sha256:" + "0" * 64)

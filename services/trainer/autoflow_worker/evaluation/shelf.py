"""What an evaluation has measured, in the artifact store, batch by batch.

A batch is a folder: `tasks.json`, and a file for each picture. The worker's checkpoint is a folder with
`evaluation.json`, which names the batches; so what is stored with a commit does not grow with the run.
"""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from autoflow.errors import FailedPrecondition
from autoflow.llm.base import Usage
from autoflow.suites.judging import Kind, Verdict
from autoflow_worker.evaluation.repeats import merged
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Artifacts, Evidence, Outcome, Score

_FORMAT, _READABLE = 3, (1, 2, 3)
"""What is written, and what can be read: the first knew of no judges, the second of no costs and repeats."""
_STATE, _TASKS = "evaluation.json", "tasks.json"


@dataclass(frozen=True, slots=True)
class MeasuredTask:
    """All workflows on one task."""

    task: str
    """The task's id."""
    metric: str
    """What rewards it."""
    scores: tuple[Score | None, ...]
    """By workflow, the reference last; None where the cell is missing. Of several executions, all in one."""
    repeats: tuple[tuple[Score | None, ...], ...] = ()
    """By workflow, the reference last, the scores of its executions; empty where each was executed once."""

    @classmethod
    def of(cls, task: str, metric: str, cells: Sequence[tuple[Score | None, ...]]) -> MeasuredTask:
        """A task with the scores of all executions, by workflow; where there was one, with what it shows."""
        once = all(len(scores) == 1 for scores in cells)
        repeats = () if once else tuple(tuple(score and _bare(score) for score in scores) for scores in cells)
        return cls(task, metric, tuple(map(merged, cells)), repeats)

    def cells(self, column: int) -> tuple[Score | None, ...]:
        """The scores of each execution of a workflow."""
        return self.repeats[column] if self.repeats else (self.scores[column],)

    @property
    def light(self) -> MeasuredTask:
        """The same without outputs, which take memory."""
        return replace(self, scores=tuple(score and _light(score) for score in self.scores))


class Shelf:
    """Keeps the batches of one evaluation. The calls block: hand them to a thread.

    Args:
        artifacts: where they are kept.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._batches: list[str] = []
        self._sizes: list[int] = []

    @property
    def count(self) -> int:
        """How many batches there are."""
        return len(self._batches)

    def add(self, batch: Sequence[MeasuredTask]) -> str:
        """Stores a batch; returns the digest of the checkpoint after it."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / _TASKS).write_text(_json([_packed(task, folder) for task in batch]))
            batches = [*self._batches, self._artifacts.put_folder(folder)]
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / _STATE).write_text(_json({"format": _FORMAT, "batches": batches}))
            checkpoint = self._artifacts.put_folder(Path(scratch))
        # Only now: what could not be stored is stored again.
        self._batches = batches
        self._sizes.append(len(batch))
        return checkpoint

    def restore(self, checkpoint: str) -> list[MeasuredTask]:
        """Takes back what was stored; returns it without outputs.

        Raises:
            NotFound: the artifact store lost it.
            FailedPrecondition: another version of the worker wrote it.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._artifacts.fetch_folder(checkpoint, Path(scratch) / "checkpoint")
            state = json.loads((folder / _STATE).read_text())
        if state["format"] not in _READABLE:
            raise FailedPrecondition("the run's checkpoint was written by another version of the worker")
        self._batches = state["batches"]
        batches = [[task.light for task in self._fetch(digest)] for digest in self._batches]
        self._sizes = [len(batch) for batch in batches]
        return [task for batch in batches for task in batch]

    def tasks(self, numbers: Iterable[int]) -> Iterator[tuple[int, MeasuredTask]]:
        """Tasks with their outputs, batch by batch: each batch is fetched once, and only one is held.

        Args:
            numbers: in the order in which tasks were measured, from 0; what comes back is sorted by them.
        """
        starts = list(accumulate(self._sizes, initial=0))
        for batch, members in groupby(sorted(numbers), lambda number: bisect_right(starts, number) - 1):
            wanted = list(members)
            found = self._fetch(self._batches[batch], [number - starts[batch] for number in wanted])
            yield from zip(wanted, found, strict=True)

    def _fetch(self, digest: str, places: Sequence[int] | None = None) -> list[MeasuredTask]:
        """Tasks of a batch, by their places in it; None means all."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._artifacts.fetch_folder(digest, Path(scratch) / "batch")
            raw = json.loads((folder / _TASKS).read_text())
            return [
                _unpacked(raw[place], folder) for place in (range(len(raw)) if places is None else places)
            ]


def _light(score: Score) -> Score:
    evidence = score.evidence
    return replace(score, evidence=evidence and replace(evidence, outcomes=()))


def _bare(score: Score) -> Score:
    """A score with the verdicts alone, which are counted."""
    evidence = score.evidence
    return replace(score, evidence=evidence and Evidence("", verdicts=evidence.verdicts))


def _packed(task: MeasuredTask, folder: Path) -> dict[str, Any]:
    """A task as JSON can hold it; its pictures are written to the folder."""
    raw = asdict(task)
    for score in filter(None, raw["scores"]):  # Those of repeats have no outcomes.
        for outcome in score["evidence"]["outcomes"] if score["evidence"] else ():
            if isinstance(outcome["output"], bytes):
                name = f"picture-{len(list(folder.iterdir()))}"
                (folder / name).write_bytes(outcome["output"])
                outcome["output"] = {"file": name}
    return raw


def _unpacked(raw: dict[str, Any], folder: Path) -> MeasuredTask:
    scores = tuple(score and _score(score, folder) for score in raw.pop("scores"))
    repeats = tuple(tuple(score and _score(score, folder) for score in one) for one in raw.pop("repeats", ()))
    return MeasuredTask(**raw, scores=scores, repeats=repeats)


def _score(raw: dict[str, Any], folder: Path) -> Score:
    found, cost = raw.pop("evidence"), raw.pop("cost", None)
    raw["cost"] = cost and _cost(**cost)
    if not found:
        return Score(**raw)
    outcomes = tuple(_outcome(outcome, folder) for outcome in found.pop("outcomes"))
    verdicts = tuple(_verdict(**verdict) for verdict in found.pop("verdicts", ()))
    plan = tuple(found.pop("plan"))
    return Score(**raw, evidence=Evidence(**found, plan=plan, outcomes=outcomes, verdicts=verdicts))


def _verdict(kind: str, **raw: Any) -> Verdict:
    return Verdict(kind=Kind(kind), **raw)


def _cost(usage: dict[str, Any], **raw: Any) -> Ledger:
    return Ledger(usage=Usage(**usage), **raw)


def _outcome(raw: dict[str, Any], folder: Path) -> Outcome:
    output = raw.pop("output")
    return Outcome(
        output=(folder / output["file"]).read_bytes() if isinstance(output, dict) else output, **raw
    )


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

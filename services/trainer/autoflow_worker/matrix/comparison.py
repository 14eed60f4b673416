"""The winners of all pairings, side by side on the tasks of one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoflow.suites import TaskSuite
from autoflow_worker import flags
from autoflow_worker.acceptance import groups_of
from autoflow_worker.comparison import improvement
from autoflow_worker.evaluator import Row
from autoflow_worker.flags import Flag
from autoflow_worker.leaks import Leaks
from autoflow_worker.matrix.pairing import Pairing
from autoflow_worker.matrix.results import PairingResult
from autoflow_worker.matrix.spec import MatrixSpec
from autoflow_worker.ports import CallFailed, Workflow
from autoflow_worker.search import Chosen
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.statistics import bootstrap_mean


@dataclass(frozen=True, slots=True)
class Compared:
    """A pairing, and what became of its winner."""

    pairing: Pairing
    chosen: Chosen | None
    """None where no valid workflow was found."""
    row: Row | None
    """Of the winner, on the tasks of the split; None where there is none."""


def results(
    spec: MatrixSpec, suite: TaskSuite, compared: Sequence[Compared], openings: int
) -> tuple[PairingResult, ...]:
    """Every pairing's line.

    Args:
        spec: what was done.
        suite: on what.
        compared: in the order of the spec.
        openings: of the test split; 0 for another split.

    Raises:
        CallFailed: a winner could not be measured on a single task.
    """
    comparing = _Comparing(spec, suite, openings)
    first = next((one.row for one in compared if one.row is not None), None)
    return tuple(comparing.result(one, first) for one in compared)


class _Comparing:
    def __init__(self, spec: MatrixSpec, suite: TaskSuite, openings: int) -> None:
        self._candidates = len(spec.pairings) - 1
        self._tasks = suite.tasks(spec.split)
        self._groups = groups_of(self._tasks)
        self._seed = derive(spec.seed, Purpose.BOOTSTRAP)
        self._leaks = Leaks(suite)
        self._openings = openings

    def result(self, one: Compared, first: Row | None) -> PairingResult:
        """A pairing's line; its differences are to the first pairing that has a winner."""
        pairing = one.pairing
        found = PairingResult(
            generator=pairing.generator,
            interpreter=pairing.interpreter,
            winner=None,
            valid_rate=pairing.valid_rate,
            drawn=pairing.search.drawn,
            spent=pairing.spent,
        )
        if one.chosen is None or one.row is None or first is None:
            return found
        measured = [
            (score.reward, group)
            for score, group in zip(one.row, self._groups, strict=True)
            if score is not None
        ]
        if not measured:
            raise CallFailed(f"the winner of {found.name} could not be measured on a single task")
        rewards, groups = zip(*measured, strict=True)
        return replace(
            found,
            winner=one.chosen.workflow,
            validation_mean=one.chosen.mean,
            reward=bootstrap_mean(rewards, seed=self._seed, groups=groups),
            missing=one.row.count(None),
            flags=tuple(self._flags(found.name, one.chosen.workflow, one.row, first)),
        )

    def _flags(self, name: str, winner: Workflow, row: Row, first: Row) -> list[Flag]:
        lost = [task.id for task, score in zip(self._tasks, row, strict=True) if score is None]
        compared = improvement(row, first, "", seed=self._seed, groups=self._groups)
        gain = compared.absolute if compared else None
        return [
            *flags.leaking(name, self._leaks.find(winner.text)),
            *flags.underpowered(name, gain, flags.shared_groups(row, first, self._groups), self._candidates),
            *flags.reopened(name, self._openings),
            *flags.missing(name, lost),
        ]

"""Two workflows on the same tasks."""

from __future__ import annotations

from collections.abc import Sequence

from autoflow_worker.evaluator import Row
from autoflow_worker.results import Improvement
from autoflow_worker.statistics import paired_bootstrap


def improvement(
    row: Row, comparator: Row, over: str, *, seed: int, groups: Sequence[str] | None = None
) -> Improvement | None:
    """The paired difference of two rows on the same tasks, where both have a score.

    Args:
        row: of the workflow that may be better.
        comparator: of what it is compared with.
        over: the comparator's name.
        seed: of the bootstrap.
        groups: of the tasks, which the bootstrap draws together (`autoflow_worker.acceptance.groups_of`).
            Default: every task for itself.

    Returns:
        The difference; None where no task has both scores.
    """
    labels = groups if groups is not None else range(len(row))
    pairs = [
        (mine.reward, theirs.reward, str(label))
        for mine, theirs, label in zip(row, comparator, labels, strict=True)
        if mine and theirs
    ]
    if not pairs:
        return None
    left, right, common = zip(*pairs, strict=True)
    absolute = paired_bootstrap(left, right, seed=seed, groups=None if groups is None else common)
    mean = sum(right) / len(right)
    return Improvement(over, absolute, absolute.mean / mean if mean else 0.0)

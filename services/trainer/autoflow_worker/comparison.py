"""Two workflows on the same tasks."""

from __future__ import annotations

from autoflow_worker.evaluator import Row
from autoflow_worker.results import Improvement
from autoflow_worker.statistics import paired_bootstrap


def improvement(row: Row, comparator: Row, over: str, *, seed: int) -> Improvement | None:
    """The paired difference of two rows on the same tasks, where both have a score.

    Args:
        row: of the workflow that may be better.
        comparator: of what it is compared with.
        over: the comparator's name.
        seed: of the bootstrap.

    Returns:
        The difference; None where no task has both scores.
    """
    pairs = [
        (mine.reward, theirs.reward) for mine, theirs in zip(row, comparator, strict=True) if mine and theirs
    ]
    if not pairs:
        return None
    left, right = zip(*pairs, strict=True)
    absolute = paired_bootstrap(left, right, seed=seed)
    mean = sum(right) / len(right)
    return Improvement(over, absolute, absolute.mean / mean if mean else 0.0)

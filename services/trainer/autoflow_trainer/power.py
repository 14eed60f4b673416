"""How small a difference a run can tell from chance, said when it is created and nothing is spent yet.

It follows from the request and the suite alone. Tasks that share their samples count once, as they do when
the run decides (`autoflow.power`). Which tasks are drawn, where only some are, is not known here: what counts
is how many of them are independent on average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoflow.methods import SHORTLIST, Method
from autoflow.power import Power, power_of
from autoflow.suites import Split
from autoflow_trainer.requests import EvaluationRequest, MatrixRequest, OptimizationRequest, RunRequest
from autoflow_trainer.suites import Suite


@dataclass(frozen=True, slots=True)
class RunPower:
    """What the comparison of a run will see."""

    power: Power
    candidates: int
    """Of which the best is compared."""


def run_power(request: RunRequest, suite: Suite) -> RunPower | None:
    """The power of a run; None where it compares nothing.

    - An optimisation compares the best of a shortlist with its first comparator, on all validation tasks.
    - An evaluation compares each workflow with the first, on its tasks.
    - A matrix compares its pairings, on all tasks of its split.
    """
    match request:
        case OptimizationRequest():
            return _power(suite, Split.VALIDATION, _finalists(request))
        case EvaluationRequest():
            return _power(suite, request.split, len(request.workflows) - 1, request.tasks)
        case MatrixRequest():
            return _power(suite, request.split, len(request.generators) * len(request.interpreters) - 1)


def _finalists(request: OptimizationRequest) -> int:
    """Of which the winner is chosen at most; 0 where there is nothing that it must beat."""
    if not request.comparators:
        return 0
    # What a method draws that is left to its own numbers, the worker knows; a population draws as it likes.
    counted = request.method is not Method.REFLECTIVE and request.iterations and request.candidates
    return min(SHORTLIST, request.iterations * request.candidates) if counted else SHORTLIST


def _power(suite: Suite, split: Split, candidates: int, drawn: int = 0) -> RunPower | None:
    if not candidates:
        return None
    tasks = _independent(suite.sizes[split], suite.independent[split], drawn)
    return RunPower(power_of(tasks, candidates=candidates), candidates)


def _independent(size: int, independent: int, drawn: int) -> int:
    """Independent tasks among so many that are drawn; all of them where none are said to be."""
    if not drawn or drawn >= size:
        return independent
    # A group is among them unless all of its members are left out.
    left_out = math.pow(1 - drawn / size, size / independent)
    return round(independent * (1 - left_out))

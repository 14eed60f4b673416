"""How often a workflow is promoted that is no better, and how often one that is.

    python -m benchmarks.false_promotions --decisions 2000 --models solved beta lopsided planning

Simulates decisions of `autoflow_worker.acceptance` over an incumbent whose true quality is known
(`benchmarks.score_models`): all candidates are equally good, or the first of them has a true gain of exactly
the effect that is stated beforehand for its standard deviation. Beside it, on the same rewards, two
baselines: the best mean wins (naive), and the best mean wins where its own percentile bootstrap interval, as
if nobody had chosen, lies above zero (percentile). `planning` takes the rewards that
`benchmarks.planning_rewards` has written; `wordings` are the same with three wordings of each task, which the
percentile bootstrap takes for independent.

Prints one JSON object a line for each case with the shares of decisions that promote; then the worst case of
each kind as measurements. Progress goes to standard error. 2,000 decisions of all cases take most
of an hour on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from autoflow_worker.acceptance import decide
from autoflow_worker.statistics import paired_bootstrap
from benchmarks import planning_rewards
from benchmarks.report import Measurement
from benchmarks.score_models import BETA, LOPSIDED, SOLVED, Floats, ScoreModel, empirical, rows_of

TASKS = (20, 50, 150)
CANDIDATES = (1, 8)
_WORDINGS = 3
_PERCENTILE_RESAMPLES = 1_000
"""Of the baseline; fewer than it has by default, which would take most of the time."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is simulated."""

    model: ScoreModel
    tasks: int
    """Independent ones."""
    candidates: int
    gain: float
    """True, of the first candidate; 0 where all are equally good."""
    sd: float
    """Of the differences, as stated."""
    wordings: int = 1


@dataclass(slots=True)
class Shares:
    """How many decisions promoted something."""

    ours: int = 0
    naive: int = 0
    percentile: int = 0


def simulate(case: Case, decisions: int, seed: int, *, baselines: bool = True) -> Shares:
    """Decides so often on new rewards."""
    found = Shares()
    rng = np.random.default_rng(seed)
    groups = [str(task) for task in range(case.tasks) for _ in range(case.wordings)]
    for number in range(decisions):
        rewards = case.model.draw(rng, case.candidates, case.tasks, case.gain)
        incumbent, *candidates = rows_of(rewards, case.wordings)
        found.ours += decide(candidates, incumbent, seed=number, groups=groups, sd=case.sd).accepted
        if baselines:
            naive, percentile = _baselines(np.repeat(rewards, case.wordings, axis=1), number)
            found.naive += naive
            found.percentile += percentile
    return found


def _baselines(rewards: Floats, seed: int) -> tuple[bool, bool]:
    """Whether the best mean is above the incumbent's, and whether its own interval is above zero."""
    best = rewards[1:][rewards[1:].mean(axis=1).argmax()]
    if best.mean() <= rewards[0].mean():
        return False, False
    alone = paired_bootstrap(best.tolist(), rewards[0].tolist(), seed=seed, resamples=_PERCENTILE_RESAMPLES)
    return True, alone.low > 0


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """All that are to be simulated: of equal quality, and of a gain where rewards can gain so much."""
    known = {model.name: model for model in (SOLVED, BETA, LOPSIDED)}
    if {"planning", "wordings"} & set(options.models):
        known["planning"] = empirical(planning_rewards.read(options.rewards).executed.mean(axis=2))
        known["wordings"] = known["planning"]
    for name, tasks, candidates in product(options.models, options.tasks, options.candidates):
        model, wordings = known[name], _WORDINGS if name == "wordings" else 1
        yield Case(model, tasks, candidates, 0.0, model.sd(), wordings)
        gain, sd = model.stated_effect(tasks, candidates)
        if gain < 1 - model.mean:
            yield Case(model, tasks, candidates, gain, sd, wordings)


def main() -> None:
    """Simulates what the options want."""
    parser = argparse.ArgumentParser(description="How often workflows are promoted, rightly and falsely.")
    parser.add_argument("--decisions", type=int, default=2000, help="of each case")
    parser.add_argument("--tasks", type=int, nargs="+", default=list(TASKS), help="independent ones")
    parser.add_argument("--candidates", type=int, nargs="+", default=list(CANDIDATES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--models", nargs="+", default=["solved", "beta", "lopsided"], help="and planning, wordings"
    )
    parser.add_argument("--rewards", type=Path, default=Path("build/planning_rewards.json"))
    options = parser.parse_args()
    found = []
    for case in cases(options):
        started = time.monotonic()
        shares = simulate(case, options.decisions, options.seed)
        found.append((case, shares))
        print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
        told = {
            "model": case.model.name if case.wordings == 1 else "wordings",
            "tasks": case.tasks,
            "candidates": case.candidates,
            "gain": round(case.gain, 4),
            "sd": round(case.sd, 4),
            "decisions": options.decisions,
            "promoted": shares.ours / options.decisions,
            "naive": shares.naive / options.decisions,
            "percentile": shares.percentile / options.decisions,
        }
        print(json.dumps(told), flush=True)
    _conclude(found, options.decisions)


def _conclude(found: Sequence[tuple[Case, Shares]], decisions: int) -> None:
    equal = [shares for case, shares in found if not case.gain]
    gained = [shares for case, shares in found if case.gain]
    conditions = (
        f"{len(found)} cases of {decisions} simulated decisions; the baseline is the percentile bootstrap"
    )
    if equal:
        ours, alone = max(one.ours for one in equal), max(one.percentile for one in equal)
        _tell("trainer.false_promotions", alone / decisions, ours / decisions, "lower", conditions)
    if gained:
        ours, alone = min(one.ours for one in gained), min(one.percentile for one in gained)
        _tell("trainer.true_promotions", alone / decisions, ours / decisions, "higher", conditions)


def _tell(name: str, baseline: float, ours: float, better: str, conditions: str) -> None:
    ratio = (
        (baseline / ours if ours else None) if better == "lower" else (ours / baseline if baseline else None)
    )
    Measurement(
        name=name,
        unit="share, worst case",
        baseline=baseline,
        ours=ours,
        ratio=ratio,
        better="lower" if better == "lower" else "higher",
        conditions=conditions,
    ).tell()


if __name__ == "__main__":
    main()

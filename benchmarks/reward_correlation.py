"""How executed rewards and plan metrics agree: does a workflow whose plans look right also earn more?

    python -m benchmarks.reward_correlation --workflows 500 --tasks 12 --page build/agreement.html

Draws workflows from the embedded generator as it was before any learning, executes all of them on the same
tasks of the built-in suite's validation split, and gives each answer two values: what its plan's outputs are
worth (`autoflow_worker.executed`) and the F1 of the plan against the accepted ones. Real services in this
process.

Prints one JSON object: Spearman's rank correlation and Kendall's tau-b over workflows (of their means) with a
bootstrap interval, over cells, and within each task. The page shows, for every task, the plans that were
answered, and marks those pairs of which one looks better and earns less.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from autoflow.client import Client
from autoflow.plans import PlanReference, plan_f1, plan_items
from autoflow.server.compose import SERVICES, local_environment, serve_all
from autoflow.suites import Split, Task, TaskSuite, load_suite, stratified
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.ledger import Budget, Meter
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.plan_calls import PlanCalls
from autoflow_worker.ports import Execution, Generator, Workflow
from autoflow_worker.remote import RemoteGenerator
from autoflow_worker.remote_interpreter import RemoteInterpreter

_MODEL = "embedded"
_DRAW = 128
_VAIN_DRAWS = 5
"""Draws in a row without a new workflow, after which there is none."""
_MARGIN = 0.02
"""Values that differ by less are not said to disagree."""
_RESAMPLES = 2_000
_SHOWN = 12
"""Plans of a task that the page shows."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """One workflow on one task."""

    task: Task
    plan: str
    executed: float
    f1: float


class Listening:
    """An interpreter that remembers the answers it gave."""

    def __init__(self, interpreter: RemoteInterpreter) -> None:
        self._interpreter = interpreter
        self.answers: dict[tuple[str, str], str] = {}

    @property
    def identity(self) -> str:
        """That of the interpreter."""
        return self._interpreter.identity

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        """Executes, and remembers."""
        execution = await self._interpreter.execute(workflow, task, seed=seed)
        self.answers[workflow.digest, task.digest] = execution.answer or ""
        return execution


async def measured(suite: TaskSuite, tasks: Sequence[Task], options: argparse.Namespace) -> list[list[Cell]]:
    """The cells of each workflow, in the order of the tasks; workflows with a missing cell are left out."""
    with tempfile.TemporaryDirectory() as home:
        env = {**local_environment(Path(home), os.environ), "AUTOFLOW_LOG_LEVEL": "ERROR"}
        system = await serve_all(env, SERVICES)
        async with system, Client.of(system.addresses) as client:
            workflows = await _drawn(client, suite, options)
            interpreter = Listening(RemoteInterpreter(client.interpreter, _MODEL, "", suite))
            scorer = ExecutedScorer(
                PlanCalls(client.interpreter, client.scorer), suite, samples=options.samples
            )
            evaluator = Evaluator(interpreter, scorer, Meter(Budget()), score_batch=1)
            rows = await evaluator.evaluate([(workflow, tasks) for workflow in workflows])
            await scorer.close()
    found = []
    for workflow, row in zip(workflows, rows, strict=True):
        if None not in row:
            said = [interpreter.answers[workflow.digest, task.digest] for task in tasks]
            earned = [score.reward for score in row if score is not None]
            found.append(list(map(_cell, tasks, said, earned, [suite] * len(tasks))))
    return found


async def _drawn(client: Client, suite: TaskSuite, options: argparse.Namespace) -> list[Workflow]:
    generator = RemoteGenerator(
        client.generator, _MODEL, suite, TrainingSettings(iterations=0, candidates=_DRAW)
    )
    return await distinct(generator, options.workflows, options.seed)


async def distinct(generator: Generator, count: int, seed: int) -> list[Workflow]:
    """Draws until there are so many different workflows, or until some draws in a row have no new one."""
    found: dict[str, Workflow] = {}
    vain = 0
    while len(found) < count and vain < _VAIN_DRAWS:
        before = len(found)
        for candidate in (await generator.draw(_DRAW, seed=seed, adapter="")).candidates:
            if candidate.workflow is not None:
                found.setdefault(candidate.workflow.digest, candidate.workflow)
        vain = 0 if len(found) > before else vain + 1
        seed += _DRAW
    if len(found) < count:
        print(f"the generator has no more than {len(found)} workflows, it seems", file=sys.stderr)
    return list(found.values())[:count]


def _cell(task: Task, answer: str, earned: float, suite: TaskSuite) -> Cell:
    reference = PlanReference.of(task, suite.tools)
    plan = ", ".join(plan_items(answer)) or "nothing"
    return Cell(task, plan, earned, plan_f1(answer, reference))


def correlations(cells: Sequence[Sequence[Cell]], tasks: Sequence[Task], seed: int) -> dict[str, object]:
    """Every figure that is printed."""
    executed: Floats = np.array([[cell.executed for cell in row] for row in cells])
    f1: Floats = np.array([[cell.f1 for cell in row] for row in cells])
    means = executed.mean(axis=1), f1.mean(axis=1)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(cells), size=(_RESAMPLES, len(cells)))
    resampled = [spearmanr(means[0][rows], means[1][rows]).statistic for rows in drawn]
    within = {
        task.id: _rounded(spearmanr(executed[:, at], f1[:, at]).statistic) for at, task in enumerate(tasks)
    }
    return {
        "workflows": len(cells),
        "tasks": len(tasks),
        "executed_mean": _rounded(executed.mean()),
        "plan_f1_mean": _rounded(f1.mean()),
        "spearman": _rounded(spearmanr(*means).statistic),
        "spearman_ci95": [_rounded(bound) for bound in np.percentile(resampled, [2.5, 97.5])],
        "kendall_tau_b": _rounded(kendalltau(*means).statistic),
        "spearman_of_cells": _rounded(spearmanr(executed.ravel(), f1.ravel()).statistic),
        "spearman_within_task": within,
        "disagreements": {
            task.id: len(list(disagreements(_plans(cells, at)))) for at, task in enumerate(tasks)
        },
    }


def disagreements(plans: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """Pairs of plans of which the first looks better and earns less."""
    for one, other in permutations(plans, 2):
        if one.f1 > other.f1 + _MARGIN and one.executed < other.executed - _MARGIN:
            yield one, other


def _plans(cells: Sequence[Sequence[Cell]], at: int) -> list[Cell]:
    """One cell for each distinct plan of a task, the dearest first."""
    distinct = {row[at].plan.casefold(): row[at] for row in cells}
    return sorted(distinct.values(), key=lambda cell: -cell.executed)


def _rounded(value: float) -> float | None:
    # Where every plan has one value there is no order to compare.
    return None if np.isnan(value) else round(float(value), 4)


def page(cells: Sequence[Sequence[Cell]], tasks: Sequence[Task], figures: dict[str, object]) -> str:
    """What is to be looked at, as HTML; tasks with the most disagreements first."""
    order = sorted(range(len(tasks)), key=lambda at: -len(list(disagreements(_plans(cells, at)))))
    sections = "".join(_section(cells, at, tasks[at]) for at in order)
    head = html.escape(f"{figures['workflows']} workflows on {figures['tasks']} tasks")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Executed reward and plan F1</title><style>{_STYLE}</style>"
        f"<h1>Executed reward and plan F1</h1><p>{head}; Spearman's rank correlation of their means "
        f"<b>{figures['spearman']}</b> (95%: {html.escape(str(figures['spearman_ci95']))}). "
        "Bars: what a plan earned, and how much it is like an accepted one.</p>"
        f"{sections}</html>"
    )


_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.45 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}
td,th{padding:.2rem .6rem .2rem 0;text-align:left;vertical-align:top}
meter{width:6rem}
.at-odds{background:color-mix(in srgb,orange 25%,transparent)}
td:nth-child(-n+3){white-space:nowrap}
"""


def _section(cells: Sequence[Sequence[Cell]], at: int, task: Task) -> str:
    plans = _plans(cells, at)
    pairs = list(disagreements(plans))
    at_odds = {cell.plan for pair in pairs for cell in pair}
    answered = Counter(row[at].plan.casefold() for row in cells)
    rows = "".join(
        _line(cell, answered[cell.plan.casefold()], cell.plan in at_odds) for cell in plans[:_SHOWN]
    )
    more = f"<p>and {len(plans) - _SHOWN} more plans</p>" if len(plans) > _SHOWN else ""
    return (
        f"<h2>{html.escape(task.id)}</h2><p>{html.escape(task.query)}</p>"
        f"<p>Reference: {html.escape(', '.join(task.accepted[0]))}. {len(pairs)} pairs of plans at odds.</p>"
        "<table><tr><th>earned<th>plan F1<th>workflows<th>plan"
        f"{rows}</table>{more}"
    )


def _line(cell: Cell, workflows: int, at_odds: bool) -> str:
    mark = " class=at-odds" if at_odds else ""
    values = "".join(
        f"<td><meter value={value:.3f}></meter> {value:.2f}" for value in (cell.executed, cell.f1)
    )
    return f"<tr{mark}>{values}<td>{workflows}<td>{html.escape(cell.plan)}"


async def main() -> None:
    """Measures, prints, and writes the page."""
    parser = argparse.ArgumentParser(description="Compares executed rewards with plan metrics.")
    parser.add_argument("--workflows", type=int, default=500)
    parser.add_argument("--tasks", type=int, default=12, help="drawn stratified from the validation split")
    parser.add_argument("--samples", type=int, default=4, help="of each task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, help="where to write the page")
    options = parser.parse_args()
    suite = load_suite("planning")
    tasks = stratified(suite.tasks(Split.VALIDATION), options.tasks, options.seed)
    cells = await measured(suite, tasks, options)
    figures = correlations(cells, tasks, options.seed)
    print(json.dumps(figures))
    if options.page is not None:
        options.page.parent.mkdir(parents=True, exist_ok=True)
        options.page.write_text(page(cells, tasks, figures), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())

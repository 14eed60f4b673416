"""How many executions a search in context takes to accept a workflow that is truly good.

    nice python -m benchmarks.in_context --seeds 10 11 12 13 14 15 16 17 18 19
    python -m benchmarks.in_context --summary

The embedded model writes and executes, on the planning suite, rewarded by plan F1; real services in this
process. Each search goes on until the workflow that it holds for its best has a *true* reward of at least
`--good`: the mean over a fixed set of validation and test tasks, measured outside the budget. An execution is
one workflow on one task; what the search's own cache gives is not counted. A search that has spent `--cap`
executions is stopped, and counted with what it had spent: a lower bound, and told as censored.

All draw one candidate an iteration, so that what they accept is looked at after each; otherwise every method
has its own defaults.

Everything is kept under `--home`: a search that has ended is not done again, and no execution is made twice
over all runs of this program, though each is counted in every search that asks for it. So it may be stopped
at any time, and be done in pieces. Prints one JSON object a search, then the summary of the given seeds.

The defaults of `reflective` were chosen on the seeds 0 to 7.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from autoflow.client import Client
from autoflow.llm.base import Usage
from autoflow.server.compose import local_environment, serve_all
from autoflow.suites import Split, Task, TaskSuite, load_suite, stratified
from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Evaluator, mean_reward
from autoflow_worker.ledger import Budget, Meter
from autoflow_worker.ports import Execution, Interpreter, Step, Workflow
from autoflow_worker.remote import RemoteGenerator, RemoteScorer
from autoflow_worker.remote_interpreter import RemoteInterpreter
from autoflow_worker.results import IterationReport, Progress
from autoflow_worker.search import SEARCHES, Traces, search_of
from autoflow_worker.spec import RunSpec
from autoflow_worker.statistics import Estimate, bootstrap_mean, paired_bootstrap

_MODEL = "embedded"
_SERVICES = ("scorer", "generator", "interpreter")
_MANY = 1_000_000
"""Iterations: a search is stopped by its executions."""
_SEED = 0
"""Of the intervals."""


class KeptInterpreter:
    """An interpreter whose executions are kept in a file.

    Args:
        interpreter: executes what is not there yet.
        file: SQLite.
    """

    def __init__(self, interpreter: Interpreter, file: Path) -> None:
        self._interpreter = interpreter
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, execution TEXT)")

    @property
    def identity(self) -> str:
        """The interpreter's."""
        return self._interpreter.identity

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        """Executes, or remembers."""
        key = f"{self.identity} {workflow.digest} {task.digest} {seed}"
        found = self._database.execute("SELECT execution FROM kept WHERE key = ?", (key,)).fetchone()
        if found:
            held = json.loads(found[0])
            steps = tuple(Step(**step) for step in held["steps"])
            return Execution(held["answer"], Usage(**held["usage"]), steps=steps)
        execution = await self._interpreter.execute(workflow, task, seed=seed)
        text = json.dumps(
            {
                "answer": execution.answer,
                "usage": asdict(execution.usage),
                "steps": [asdict(step) for step in execution.steps],
            }
        )
        self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, text))
        return execution


class NoJournal:
    """A journal for searches that nobody watches."""

    def progress(self, progress: Progress) -> None:
        """Says nothing."""

    async def commit(self, report: IterationReport, checkpoint: str) -> None:
        """Keeps nothing."""

    async def open_test(self, suite_digest: str) -> int:
        """There is nothing to open: truth is measured outside of any run."""
        raise AssertionError("a search opens no test split")


@dataclass(frozen=True, slots=True)
class Bench:
    """What all searches share."""

    client: Client
    suite: TaskSuite
    interpreter: Interpreter
    good: float
    cap: int
    truth_tasks: int

    async def search(self, method: str, seed: int) -> dict[str, Any]:
        """Does one search; returns its line."""
        context, traces = self._context(method, seed)
        search = search_of(context, traces)
        accepted, truth = "", 0.0
        while not search.done:
            await search.step()
            if search.workflows and search.workflows[0].digest != accepted:
                accepted = search.workflows[0].digest
                truth = await self._truth(search.workflows[0])
            if truth >= self.good or context.meter.ledger.executions >= self.cap:
                break
        return {
            "method": method,
            "seed": seed,
            "executions": context.meter.ledger.executions,
            "censored": truth < self.good,
            "truth": round(truth, 3),
            "candidates": search.drawn,
            "llm_calls": context.meter.ledger.usage.calls,
            "workflow": search.workflows[0].text if search.workflows else "",
        }

    def _context(self, method: str, seed: int) -> tuple[Context, Traces]:
        settings = replace(SEARCHES[method].defaults, iterations=_MANY, candidates=1)
        spec = RunSpec("planning", _MODEL, _MODEL, "", method, seed, settings)
        traces, meter = Traces(), Meter(Budget())
        scorer = RemoteScorer(self.client.scorer, self.suite)
        evaluator = Evaluator(self.interpreter, scorer, meter, on_measured=traces.note)
        generator = RemoteGenerator(self.client.generator, _MODEL, self.suite, settings, mends=True)
        context = Context(spec, self.suite, generator, evaluator, meter, NoJournal(), Retry())
        return context, traces

    async def _truth(self, workflow: Workflow) -> float:
        pool = (*self.suite.tasks(Split.VALIDATION), *self.suite.tasks(Split.TEST))
        tasks = stratified(pool, self.truth_tasks, 0)
        scorer = RemoteScorer(self.client.scorer, self.suite)
        (row,) = await Evaluator(self.interpreter, scorer, Meter(Budget())).evaluate([(workflow, tasks)])
        mean = mean_reward(row)
        if mean is None:
            raise RuntimeError("the truth of a workflow could not be measured")
        return mean


def main(arguments: Sequence[str] | None = None) -> None:
    """Does the searches that are left, and sums up all."""
    options = _parser().parse_args(arguments)
    options.home.mkdir(parents=True, exist_ok=True)
    name = f"good={options.good:g} cap={options.cap} truth={options.truth_tasks}.jsonl"
    results = options.home / name.replace(" ", "_")
    if not options.summary:
        asyncio.run(_searches(options, results))
    lines = [line for line in _read(results) if not options.seeds or line["seed"] in options.seeds]
    print(json.dumps(summary(lines), indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=list(SEARCHES), default=list(SEARCHES))
    parser.add_argument("--seeds", nargs="+", type=int, help="default: 0, or all that are there")
    parser.add_argument("--good", type=float, default=0.9, help="true reward of a workflow that counts")
    parser.add_argument("--cap", type=int, default=400, help="executions after which a search is stopped")
    parser.add_argument("--truth-tasks", type=int, default=100, help="of validation and test, 225 in all")
    parser.add_argument("--home", type=Path, default=Path("build/in_context"), help="where all is kept")
    parser.add_argument("--summary", action="store_true", help="search nothing, sum up what is there")
    return parser


async def _searches(options: argparse.Namespace, results: Path) -> None:
    done = {(line["method"], line["seed"]) for line in _read(results)}
    left = [(method, seed) for seed, method in product(options.seeds or [0], options.methods)]
    suite = load_suite("planning")
    with tempfile.TemporaryDirectory() as home:
        env = {**local_environment(Path(home), os.environ), "AUTOFLOW_LOG_LEVEL": "ERROR"}
        async with await serve_all(env, _SERVICES) as system, Client.of(system.addresses) as client:
            remote = RemoteInterpreter(client.interpreter, _MODEL, "", suite)
            kept = KeptInterpreter(remote, options.home / "executions.sqlite")
            bench = Bench(client, suite, kept, options.good, options.cap, options.truth_tasks)
            for method, seed in left:
                if (method, seed) in done:
                    continue
                text = json.dumps(await bench.search(method, seed))
                with results.open("a", encoding="utf-8") as file:
                    file.write(text + "\n")
                print(text, file=sys.stderr, flush=True)


def _read(results: Path) -> list[dict[str, Any]]:
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def summary(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Executions of each method, and what `reflective` saves over the others on the same seeds."""
    spent: dict[str, dict[int, int]] = {}
    for line in lines:
        spent.setdefault(line["method"], {})[line["seed"]] = line["executions"]
    told: dict[str, Any] = {
        method: {
            "seeds": len(found),
            "executions": _told(bootstrap_mean(list(found.values()), seed=_SEED)),
            "each": [found[seed] for seed in sorted(found)],
            "censored": sum(line["censored"] for line in lines if line["method"] == method),
        }
        for method, found in spent.items()
    }
    mine = spent.get("reflective", {})
    for other, theirs in spent.items():
        common = sorted(set(mine) & set(theirs))
        if other != "reflective" and common:
            difference = paired_bootstrap(
                [mine[seed] for seed in common], [theirs[seed] for seed in common], seed=_SEED
            )
            told[f"reflective - {other}"] = _told(difference)
    return told


def _told(estimate: Estimate) -> list[float]:
    return [round(value, 1) for value in (estimate.mean, estimate.low, estimate.high)]


if __name__ == "__main__":
    main()

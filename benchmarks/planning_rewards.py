"""How rewards of workflows on the planning suite spread, and what their differences have in common.

    python -m benchmarks.planning_rewards --drawn 24 --out build/planning_rewards.json

Executes the hand-written workflows and some of the untrained generator on all validation tasks, real services
in this process, and scores the answers by executing their plans. Prints one JSON object for each kind of
reward: over all pairs of workflows that earn anything, quantiles of the standard deviation of their paired
differences over combinations, and of the intra-class correlation of differences among the wordings of one
combination. Progress goes to standard error. `benchmarks.false_promotions` takes what is written to `--out`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from autoflow.client import Client
from autoflow.language import check
from autoflow.server.compose import SERVICES, local_environment, serve_all
from autoflow.suites import Split, TaskSuite, load_suite, workflow_text
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.ledger import Budget, Meter
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.plan_calls import PlanCalls
from autoflow_worker.ports import Workflow
from autoflow_worker.remote import RemoteGenerator
from autoflow_worker.remote_interpreter import RemoteInterpreter
from benchmarks.score_models import Floats

_MODEL = "embedded"
_FLOWS = Path(__file__).parent / "flows"
_LEAST = 0.05
"""Mean reward of a workflow that does something at all."""
_QUANTILES = (0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """Rewards, (workflows, combinations, wordings), of different workflows that do something."""

    executed: Floats
    plan_f1: Floats


def read(file: Path) -> Measured:
    """What an earlier run has written."""
    held = json.loads(file.read_text(encoding="utf-8"))
    return Measured(_useful(held["executed"]), _useful(held["plan_f1"]))


async def measure(drawn: int, seed: int) -> dict[str, list[list[list[float]]]]:
    """Executed rewards and plan F1 of every workflow that has no missing cell."""
    suite = load_suite("planning")
    tasks = sorted(suite.tasks(Split.VALIDATION), key=lambda task: task.id)
    combined = len({task.data for task in tasks})
    found: dict[str, list[list[list[float]]]] = {"executed": [], "plan_f1": []}
    with tempfile.TemporaryDirectory() as home:
        env = {**local_environment(Path(home), os.environ), "AUTOFLOW_LOG_LEVEL": "ERROR"}
        system = await serve_all(env, SERVICES)
        async with system, Client.of(system.addresses) as client:
            interpreter = RemoteInterpreter(client.interpreter, _MODEL, "", suite)
            scorer = ExecutedScorer(PlanCalls(client.interpreter, client.scorer), suite, samples=2)
            evaluator = Evaluator(interpreter, scorer, Meter(Budget()), score_batch=1)
            for workflow in [*_hand_written(), *await _drawn(client, suite, drawn, seed)]:
                (row,) = await evaluator.evaluate([(workflow, tasks)])
                scores = [score for score in row if score is not None]
                print(f"{len(found['executed']) + 1} {workflow.digest}", file=sys.stderr)
                if len(scores) == len(row):
                    executed = np.array([score.reward for score in scores])
                    plan_f1 = np.array([score.plan_f1 for score in scores])
                    found["executed"].append(executed.reshape(combined, -1).tolist())
                    found["plan_f1"].append(plan_f1.reshape(combined, -1).tolist())
            await scorer.close()
    return found


def _hand_written() -> list[Workflow]:
    texts = [workflow_text(name) for name in ("baseline", "expert")]
    texts += [path.read_text(encoding="utf-8") for path in sorted(_FLOWS.glob("*.flow"))]
    return list(map(_workflow, texts))


def _workflow(text: str) -> Workflow:
    checked = check(text)
    assert checked.workflow is not None
    return Workflow(text, checked.workflow.digest)


async def _drawn(client: Client, suite: TaskSuite, count: int, seed: int) -> list[Workflow]:
    if not count:
        return []
    generator = RemoteGenerator(client.generator, _MODEL, suite, TrainingSettings(0, count))
    drawn = await generator.draw(count, seed=seed, adapter="")
    workflows = [candidate.workflow for candidate in drawn.candidates if candidate.workflow]
    return list({workflow.digest: workflow for workflow in workflows}.values())


def _useful(rewards: Sequence[Sequence[Sequence[float]]]) -> Floats:
    array = np.unique(np.array(rewards, dtype=np.float64), axis=0)
    found: Floats = array[array.mean(axis=(1, 2)) > _LEAST]
    return found


def summary(rewards: Floats) -> dict[str, object]:
    """The figures of one kind of reward."""
    deviations, shared = [], []
    for one, other in combinations(rewards, 2):
        differences = one - other
        deviations.append(float(differences.mean(axis=1).std(ddof=1)))
        shared.append(intraclass(differences))
    return {
        "workflows": len(rewards),
        "combinations": rewards.shape[1],
        "wordings": rewards.shape[2],
        "sd": {f"{at:.0%}": round(float(np.quantile(deviations, at)), 3) for at in _QUANTILES},
        "intraclass": {f"{at:.0%}": round(float(np.quantile(shared, at)), 3) for at in (0.1, 0.5, 0.9)},
    }


def intraclass(differences: Floats) -> float:
    """The intra-class correlation ICC(1) of (groups, members), by analysis of variance; 1 without any."""
    groups, members = differences.shape
    means = differences.mean(axis=1)
    between = members * float(means.var(ddof=1))
    within = float(((differences - means[:, None]) ** 2).sum()) / (groups * (members - 1))
    total = between + (members - 1) * within
    return (between - within) / total if total else 1.0


def main() -> None:
    """Measures what the options want."""
    parser = argparse.ArgumentParser(description="How rewards on the planning suite spread.")
    parser.add_argument("--drawn", type=int, default=24, help="workflows to draw from the generator")
    parser.add_argument("--seed", type=int, default=7, help="of the draw")
    parser.add_argument("--out", type=Path, default=Path("build/planning_rewards.json"))
    options = parser.parse_args()
    found = asyncio.run(measure(options.drawn, options.seed))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found), encoding="utf-8")
    for kind, rewards in found.items():
        print(json.dumps({"reward": kind, **summary(_useful(rewards))}), flush=True)


if __name__ == "__main__":
    main()

"""What is already known about workflows on tasks.

The key is the workflow's digest, the task's digest, the seed of the execution, and the interpreter's identity
(model, version of the prompts, sampling, limits). All that a cache holds has one identity, so it is the
cache's, not each entry's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from autoflow.llm.base import Usage
from autoflow.suites import Task
from autoflow_worker.ledger import Ledger
from autoflow_worker.ports import Score, Workflow


class EvaluationCache:
    """Scores by workflow, task and seed.

    Args:
        identity: of the interpreter that the scores stand for.
    """

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self._rows: dict[str, dict[str, Score]] = {}

    def get(self, workflow: Workflow, task: Task, seed: int = 0) -> Score | None:
        """The score, or None where it is not known."""
        return self._rows.get(workflow.digest, {}).get(_key(task, seed))

    def put(self, workflow: Workflow, task: Task, score: Score, seed: int = 0) -> None:
        """Keeps a score."""
        self._rows.setdefault(workflow.digest, {})[_key(task, seed)] = score

    def row(self, workflow: Workflow) -> Mapping[str, Score]:
        """All that is known about a workflow's executions with the seed 0, by the task's digest."""
        return self._rows.get(workflow.digest, {})

    def state(self) -> dict[str, Any]:
        """The cache as JSON can hold it."""
        rows = {
            workflow: {key: _packed(score) for key, score in row.items()}
            for workflow, row in self._rows.items()
        }
        return {"identity": self.identity, "rows": rows}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave; nothing where it stands for another interpreter."""
        if state["identity"] != self.identity:
            return
        self._rows = {
            workflow: {key: _score(*values) for key, values in row.items()}
            for workflow, row in state["rows"].items()
        }


def _key(task: Task, seed: int) -> str:
    # Before there were seeds, the key was the digest alone.
    return f"{task.digest}/{seed}" if seed else task.digest


def _packed(score: Score) -> list[Any]:
    cost = score.cost
    values = [score.reward, int(score.plan_valid), score.plan_f1, int(score.passed)]
    return values if cost is None else [*values, astuple(cost)]


def _score(reward: float, valid: int, plan_f1: float, passed: int = 0, cost: Any = None) -> Score:
    # Before there were judges, nothing was said of `passed`; of costs, later still.
    return Score(bool(valid), reward, plan_f1, passed=bool(passed), cost=cost and _cost(*cost))


def _cost(executions: int, hits: int, missing: int, usage: Sequence[Any], *rest: Any) -> Ledger:
    return Ledger(executions, hits, missing, Usage(*usage), *rest)

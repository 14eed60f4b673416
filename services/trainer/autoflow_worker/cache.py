"""What is already known about workflows on tasks.

The key is the workflow's digest, the task's digest, and the interpreter's identity (model, version of the
prompts, sampling with its seed, limits). A run has one identity, so it is the cache's, not each entry's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoflow.suites import Task
from autoflow_worker.ports import Score, Workflow


class EvaluationCache:
    """Scores by workflow and task.

    Args:
        identity: of the interpreter that the scores stand for.
    """

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._rows: dict[str, dict[str, Score]] = {}

    def get(self, workflow: Workflow, task: Task) -> Score | None:
        """The score, or None where it is not known."""
        return self._rows.get(workflow.digest, {}).get(task.digest)

    def put(self, workflow: Workflow, task: Task, score: Score) -> None:
        """Keeps a score."""
        self._rows.setdefault(workflow.digest, {})[task.digest] = score

    def row(self, workflow: Workflow) -> Mapping[str, Score]:
        """All that is known about a workflow, by the task's digest."""
        return self._rows.get(workflow.digest, {})

    def state(self) -> dict[str, Any]:
        """The cache as JSON can hold it."""
        rows = {
            workflow: {
                task: [score.reward, int(score.plan_valid), score.plan_f1, int(score.passed)]
                for task, score in row.items()
            }
            for workflow, row in self._rows.items()
        }
        return {"identity": self._identity, "rows": rows}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave; nothing where it stands for another interpreter."""
        if state["identity"] != self._identity:
            return
        self._rows = {
            workflow: {task: _score(*values) for task, values in row.items()}
            for workflow, row in state["rows"].items()
        }


def _score(reward: float, valid: int, plan_f1: float, passed: int = 0) -> Score:
    # Before there were judges, nothing was said of `passed`.
    return Score(bool(valid), reward, plan_f1, passed=bool(passed))

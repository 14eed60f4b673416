"""Rewards that a suite's own judge gives: the share of a task's constraints that hold of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autoflow.suites import Judge, Task
from autoflow_worker.ports import Evidence, Score


class JudgedScorer:
    """Scores answers as a judge does, in this process.

    Args:
        judge: the suite's.
        evidence: whether scores are to be looked at; what a judge says takes some kilobytes an answer.
    """

    def __init__(self, judge: Judge, *, evidence: bool = False) -> None:
        self._judge = judge
        self._evidence = evidence

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        """Scores each answer on its task; see `autoflow_worker.ports.Scorer`."""
        return await asyncio.to_thread(lambda: [self._score(answer, task) for answer, task in answers])

    def _score(self, answer: str, task: Task) -> Score:
        found = self._judge.score(task, answer)
        evidence = Evidence(answer, detail=found.not_delivered, verdicts=found.verdicts)
        return Score(
            plan_valid=found.delivered,
            reward=found.reward,
            evidence=evidence if self._evidence else None,
            passed=found.final_pass,
        )


def unanswered(judge: Judge, task: Task) -> Score:
    """What an execution is worth that ended without an answer: as a judge sees it, nothing was delivered."""
    verdicts = judge.score(task, "").verdicts
    return Score(
        False, 0.0, evidence=Evidence("", detail="the workflow ended without an answer", verdicts=verdicts)
    )

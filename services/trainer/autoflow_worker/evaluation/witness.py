"""Scores answers, with all that people may want to see of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from autoflow.suites import Task
from autoflow_worker.ports import Evidence, Outcome, Score, Scorer

ANSWER_CHARS = 500
"""Characters of an answer that are kept."""
OUTPUT_CHARS = 4_000
"""Characters of an output that is a text."""


class Witness:
    """A scorer whose every score has evidence, of a bounded size but for its pictures.

    Args:
        scorer: gives the rewards.
        on_scored: called with the number of answers that were scored.
    """

    def __init__(self, scorer: Scorer, on_scored: Callable[[int], None]) -> None:
        self._scorer = scorer
        self._on_scored = on_scored

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        """Scores each answer on its task; see `autoflow_worker.ports.Scorer`."""
        scores = await self._scorer.score(answers)
        self._on_scored(len(answers))
        return [
            replace(score, evidence=self._evidence(score, answer, task))
            for score, (answer, task) in zip(scores, answers, strict=True)
        ]

    def _evidence(self, score: Score, answer: str, task: Task) -> Evidence:
        found = score.evidence or Evidence(answer)
        return replace(
            found,
            # Equal plans share what was found, but not their wording. What is judged is all there is to see.
            answer=cut(answer, OUTPUT_CHARS if found.verdicts else ANSWER_CHARS),
            detail=cut(found.detail, ANSWER_CHARS),
            outcomes=tuple(map(_bounded, found.outcomes)),
            verdicts=tuple(replace(one, reason=cut(one.reason, ANSWER_CHARS)) for one in found.verdicts),
        )


def cut(text: str, length: int) -> str:
    """A text, or its beginning with an ellipsis as the last of `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _bounded(outcome: Outcome) -> Outcome:
    output = outcome.output
    return replace(
        outcome,
        output=cut(output, OUTPUT_CHARS) if isinstance(output, str) else output,
        failure=cut(outcome.failure, ANSWER_CHARS),
    )

"""All that the page of an optimisation tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from autoflow.suites import Task
from autoflow_worker.evaluator import Row
from autoflow_worker.ledger import Ledger
from autoflow_worker.results import IterationReport, Result
from autoflow_worker.run_page.tallies import StepTally
from autoflow_worker.spec import RunSpec


@dataclass(frozen=True, slots=True)
class Story:
    """One optimisation from its beginning to its end."""

    spec: RunSpec
    title: str
    """The suite's."""
    iterations: Sequence[IterationReport]
    """All, those of earlier workers too."""
    result: Result
    tasks: Sequence[Task]
    """Of the test split."""
    rows: Mapping[str, Row]
    """By contestant: its scores on these tasks."""
    steps: Sequence[StepTally]
    """Of the winner, on these tasks."""
    ledger: Ledger
    prompt_version: str

    @property
    def spent(self) -> list[tuple[str, str]]:
        """The ledger in words."""
        usage = self.ledger.usage
        return [
            ("executions", f"{self.ledger.executions:,}"),
            ("spared by the cache", f"{self.ledger.cache_hits:,}"),
            ("missing", f"{self.ledger.missing:,}"),
            ("ended at a limit", f"{self.ledger.limited:,}"),
            ("model calls", f"{usage.calls:,}"),
            ("tokens read", f"{usage.prompt_tokens:,}"),
            ("of these cached", f"{usage.cached_prompt_tokens:,}"),
            ("tokens written", f"{usage.completion_tokens:,}"),
            ("tool calls", f"{self.ledger.tool_calls:,}"),
            ("US dollars", f"{usage.cost_usd:.4f}" if usage.cost_usd else "no prices"),
            ("wall time", str(timedelta(seconds=round(self.ledger.seconds)))),
        ]

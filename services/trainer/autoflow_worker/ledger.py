"""What a run has spent, what it may spend, and the gate between the two.

The gate is passed before a call is made. What a call costs is known only when it has ended, so a limit on
calls, tokens or dollars can be overshot by what was in flight when it was reached; the limit on executions is
exact. What a failed call had cost before it failed is counted where the service tells (`TimedOut`), and else
is not known.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from autoflow.errors import ResourceExhausted
from autoflow.llm.base import Usage


class BudgetSpent(ResourceExhausted):
    """A call was not made because the run's budget is spent; waiting does not help."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may spend; 0 means no limit."""

    max_executions: int = 0
    max_llm_calls: int = 0
    max_tokens: int = 0
    max_seconds: float = 0.0
    max_cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a run has spent, at one moment; or what a part of it cost."""

    executions: int = 0
    """One workflow on one task, cache hits not counted."""
    cache_hits: int = 0
    missing: int = 0
    """Cells left empty because the infrastructure failed, past all retries."""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    """Wall time of the workers; of a part of a run, that of its executions, one after another."""
    tool_calls: int = 0
    """Those of executed plans included."""
    limited: int = 0
    """Executions that ended at a limit of theirs."""

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(
            self.executions + other.executions,
            self.cache_hits + other.cache_hits,
            self.missing + other.missing,
            self.usage + other.usage,
            self.seconds + other.seconds,
            self.tool_calls + other.tool_calls,
            self.limited + other.limited,
        )

    def __sub__(self, other: Ledger) -> Ledger:
        """What was spent since then."""
        used, before = self.usage, other.usage
        return Ledger(
            self.executions - other.executions,
            self.cache_hits - other.cache_hits,
            self.missing - other.missing,
            Usage(
                used.calls - before.calls,
                used.prompt_tokens - before.prompt_tokens,
                used.completion_tokens - before.completion_tokens,
                used.cached_prompt_tokens - before.cached_prompt_tokens,
                used.cost_usd - before.cost_usd,
            ),
            self.seconds - other.seconds,
            self.tool_calls - other.tool_calls,
            self.limited - other.limited,
        )


class Meter:
    """Counts what is spent and refuses what would go beyond the budget.

    Args:
        budget: what may be spent.
        spent: what earlier workers of the run spent, up to its last committed iteration.
        clock: seconds that only ever grow.
    """

    def __init__(
        self, budget: Budget, spent: Ledger | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.budget = budget
        self._ledger = spent or Ledger()
        self._clock = clock
        self._started = clock() - self._ledger.seconds
        self._in_flight = 0

    @property
    def ledger(self) -> Ledger:
        """What is spent by now."""
        return replace(self._ledger, seconds=self._clock() - self._started)

    def admit_execution(self) -> None:
        """Asks to start an execution; follow it by `paid` or `failed`.

        Raises:
            BudgetSpent: there is nothing left for it.
        """
        self.admit_call()
        limit = self.budget.max_executions
        if limit and self._ledger.executions + self._in_flight >= limit:
            raise _spent("max_executions", f"{limit:,}")
        self._in_flight += 1

    def admit_call(self) -> None:
        """Asks to make any other call.

        Raises:
            BudgetSpent: there is nothing left for it.
        """
        spent, budget = self.ledger, self.budget
        for name, used, limit, words in (
            ("max_llm_calls", spent.usage.calls, budget.max_llm_calls, f"{budget.max_llm_calls:,}"),
            ("max_tokens", spent.usage.tokens, budget.max_tokens, f"{budget.max_tokens:,}"),
            ("max_wall_time", spent.seconds, budget.max_seconds, f"{budget.max_seconds:g} s"),
            ("max_cost_usd", spent.usage.cost_usd, budget.max_cost_usd, f"{budget.max_cost_usd:g}"),
        ):
            if limit and used >= limit:
                raise _spent(name, words)

    def execution_paid(self, cost: Ledger) -> None:
        """An admitted execution ended."""
        self._in_flight -= 1
        # Others ran beside it: its time is not the workers'.
        self._ledger += replace(cost, seconds=0.0)

    def execution_failed(self) -> None:
        """An admitted execution was lost to the infrastructure, or was cancelled."""
        self._in_flight -= 1

    def used(self, usage: Usage) -> None:
        """A call of a language model ended."""
        self._ledger = replace(self._ledger, usage=self._ledger.usage + usage)

    def tools_called(self, calls: int) -> None:
        """Tools were called outside of an execution, for its answer's plan."""
        self._ledger = replace(self._ledger, tool_calls=self._ledger.tool_calls + calls)

    def saved(self, cells: int = 1) -> None:
        """The cache answered."""
        self._ledger = replace(self._ledger, cache_hits=self._ledger.cache_hits + cells)

    def missed(self, cells: int = 1) -> None:
        """Cells stay empty."""
        self._ledger = replace(self._ledger, missing=self._ledger.missing + cells)

    def covers(self, executions: int) -> bool:
        """Whether the budget left is enough for so many more executions, each as dear as those before.

        Calls, tokens, seconds and dollars are projected from the mean of all executions so far, the drawing
        and learning between them included; before the first execution only executions can be judged.
        """
        spent, budget = self.ledger, self.budget
        growth = 1 + executions / spent.executions if spent.executions else 1.0
        return all(
            not limit or needed <= limit
            for needed, limit in (
                (spent.executions + executions, budget.max_executions),
                (spent.usage.calls * growth, budget.max_llm_calls),
                (spent.usage.tokens * growth, budget.max_tokens),
                (spent.seconds * growth, budget.max_seconds),
                (spent.usage.cost_usd * growth, budget.max_cost_usd),
            )
        )


def too_small(what: str, executions: int, fewer: str) -> BudgetSpent:
    """Says that a budget does not cover the least that a run does.

    Args:
        what: the least, besides the final measurements.
        executions: that both can take.
        fewer: what could be fewer.
    """
    return BudgetSpent(
        f"the budget is too small for {what} and the final measurements, which can take {executions:,} "
        f"executions: raise it, or take fewer {fewer}"
    )


def _spent(name: str, limit: str) -> BudgetSpent:
    return BudgetSpent(f"the budget is spent: budget.{name} is {limit}; raise it, or ask for less")

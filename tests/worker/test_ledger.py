"""What is spent, and what may still be."""

from __future__ import annotations

import pytest

from autoflow.llm.base import Usage
from autoflow_worker.ledger import Budget, BudgetSpent, Ledger, Meter


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_adds_up() -> None:
    clock = Clock()
    meter = Meter(Budget(), clock=clock)
    meter.admit_execution()
    meter.execution_paid(Ledger(executions=1, usage=Usage(5, 100, 20)))
    meter.used(Usage(1, 10, 200))
    meter.saved(3)
    meter.missed(2)
    clock.now += 7.5
    assert meter.ledger == Ledger(1, 3, 2, Usage(6, 110, 220), 7.5)


def test_it_goes_on_from_what_earlier_workers_spent() -> None:
    clock = Clock()
    meter = Meter(Budget(max_seconds=20), Ledger(4, 1, 0, Usage(8, 9, 10), 15.0), clock=clock)
    clock.now += 4
    meter.admit_call()
    assert meter.ledger == Ledger(4, 1, 0, Usage(8, 9, 10), 19.0)
    clock.now += 1
    with pytest.raises(BudgetSpent, match="max_wall_time is 20 s; raise it, or ask for less"):
        meter.admit_call()


def test_the_limit_on_executions_counts_those_in_flight() -> None:
    meter = Meter(Budget(max_executions=2))
    meter.admit_execution()
    meter.admit_execution()
    with pytest.raises(BudgetSpent, match="max_executions is 2; raise it, or ask for less"):
        meter.admit_execution()
    # One is lost to the infrastructure: it may be tried again.
    meter.execution_failed()
    meter.admit_execution()
    meter.execution_paid(Ledger(executions=1))
    meter.execution_paid(Ledger(executions=1))
    with pytest.raises(BudgetSpent):
        meter.admit_execution()
    assert meter.ledger.executions == 2


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(max_llm_calls=10), "max_llm_calls is 10;"),
        (Budget(max_tokens=150), "max_tokens is 150;"),
        (Budget(max_cost_usd=0.05), "max_cost_usd is 0.05;"),
    ],
)
def test_limits_on_calls_tokens_and_cost_close_the_gate_once_they_are_reached(
    budget: Budget, words: str
) -> None:
    meter = Meter(budget)
    meter.used(Usage(9, 100, 49, cost_usd=0.04))
    meter.admit_execution()
    meter.execution_paid(Ledger(executions=1, usage=Usage(1, 1, 0, cost_usd=0.01)))
    with pytest.raises(BudgetSpent, match=words):
        meter.admit_execution()
    with pytest.raises(BudgetSpent, match=words):
        meter.admit_call()


def test_it_projects_what_more_executions_would_cost() -> None:
    spent = Ledger(executions=10, usage=Usage(50, 900, 100, cost_usd=1.0), seconds=20.0)
    assert Meter(Budget(), spent).covers(1_000_000)
    assert Meter(Budget(max_executions=30), spent).covers(20)
    assert not Meter(Budget(max_executions=30), spent).covers(21)
    assert Meter(Budget(max_llm_calls=100), spent).covers(10)
    assert not Meter(Budget(max_llm_calls=100), spent).covers(11)
    assert not Meter(Budget(max_tokens=2000), spent).covers(11)
    assert Meter(Budget(max_cost_usd=2.0), spent).covers(10)
    assert not Meter(Budget(max_cost_usd=2.0), spent).covers(11)
    clock = Clock()
    assert Meter(Budget(max_seconds=40), spent, clock=clock).covers(10)
    assert not Meter(Budget(max_seconds=40), spent, clock=clock).covers(11)


def test_tools_and_limits_are_counted_and_the_time_of_executions_is_not() -> None:
    clock = Clock()
    meter = Meter(Budget(), clock=clock)
    for limited in (0, 1):
        meter.admit_execution()
        meter.execution_paid(Ledger(executions=1, seconds=99.0, tool_calls=2, limited=limited))
    meter.tools_called(3)
    assert meter.ledger == Ledger(executions=2, tool_calls=7, limited=1)


def test_what_was_spent_since_then_is_the_difference() -> None:
    before = Ledger(1, 2, 3, Usage(4, 5, 6, 7, 0.5), 8.0, 9, 10)
    since = Ledger(10, 20, 30, Usage(40, 50, 60, 70, 0.25), 80.0, 90, 100)
    assert (before + since) - before == since

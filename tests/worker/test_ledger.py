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
    meter.execution_paid(Usage(5, 100, 20))
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
    meter.execution_paid(Usage())
    meter.execution_paid(Usage())
    with pytest.raises(BudgetSpent):
        meter.admit_execution()
    assert meter.ledger.executions == 2


@pytest.mark.parametrize(
    ("budget", "words"),
    [(Budget(max_llm_calls=10), "max_llm_calls is 10;"), (Budget(max_tokens=150), "max_tokens is 150;")],
)
def test_limits_on_calls_and_tokens_close_the_gate_once_they_are_reached(budget: Budget, words: str) -> None:
    meter = Meter(budget)
    meter.used(Usage(9, 100, 49))
    meter.admit_execution()
    meter.execution_paid(Usage(1, 1, 0))
    with pytest.raises(BudgetSpent, match=words):
        meter.admit_execution()
    with pytest.raises(BudgetSpent, match=words):
        meter.admit_call()


def test_it_projects_what_more_executions_would_cost() -> None:
    spent = Ledger(executions=10, usage=Usage(50, 900, 100), seconds=20.0)
    assert Meter(Budget(), spent).covers(1_000_000)
    assert Meter(Budget(max_executions=30), spent).covers(20)
    assert not Meter(Budget(max_executions=30), spent).covers(21)
    assert Meter(Budget(max_llm_calls=100), spent).covers(10)
    assert not Meter(Budget(max_llm_calls=100), spent).covers(11)
    assert not Meter(Budget(max_tokens=2000), spent).covers(11)
    clock = Clock()
    assert Meter(Budget(max_seconds=40), spent, clock=clock).covers(10)
    assert not Meter(Budget(max_seconds=40), spent, clock=clock).covers(11)

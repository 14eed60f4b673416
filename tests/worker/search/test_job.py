"""A search as a run: its commits, its end, and that another worker goes on where one died."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoflow.store.artifacts import ArtifactStore
from autoflow_worker.checkpoint import Checkpoints
from autoflow_worker.ledger import Budget, BudgetSpent, Ledger
from autoflow_worker.results import Result
from autoflow_worker.search import SEARCHES
from autoflow_worker.search.job import SearchJob
from autoflow_worker.spec import Comparator, TestPlan
from tests.worker.doubles import Killed, Notebook, PlanScorer, publisher, workflow
from tests.worker.scripted_generator import ScriptedGenerator
from tests.worker.search.searching import Hunt

PLAN = TestPlan(comparators=(Comparator("baseline", workflow("Gamma")),), control_samples=5)


async def run(hunt: Hunt, folder: Path, checkpoint: str = "") -> Result:
    """Does a search as a worker does."""
    checkpoints = Checkpoints(ArtifactStore(str(folder)))
    published = publisher(hunt.context)
    job = SearchJob(hunt.context, PlanScorer(), checkpoints, published, hunt.traces, checkpoint)
    return await job.run()


@pytest.mark.parametrize("method", SEARCHES)
@pytest.mark.parametrize("committed", [1, 5])
async def test_a_killed_search_ends_as_the_uninterrupted_one(
    method: str, committed: int, tmp_path: Path
) -> None:
    whole = Hunt(method, test=PLAN)
    expected = await run(whole, tmp_path / "whole")
    killed = Hunt(method, test=PLAN, journal=Notebook(committed))
    with pytest.raises(Killed):
        await run(killed, tmp_path / "parts")
    spent: Ledger = killed.journal.reports[-1].ledger
    again = Hunt(method, test=PLAN, spent=spent)
    result = await run(again, tmp_path / "parts", killed.journal.checkpoints[-1])
    assert result.reports == expected.reports
    assert result.winner == expected.winner
    # A digest of everything: what the strategy remembers, the cache, the standings.
    assert [*killed.journal.checkpoints, *again.journal.checkpoints] == whole.journal.checkpoints
    candidates = [report.candidates for report in whole.journal.reports]
    assert [report.candidates for report in again.journal.reports] == candidates[committed:]
    assert again.meter.ledger.executions == whole.meter.ledger.executions
    # What was in flight is paid again, and nothing else.
    twice = killed.interpreter.calls & again.interpreter.calls
    assert sum(twice.values()) == killed.meter.ledger.executions - spent.executions


@pytest.mark.parametrize("method", SEARCHES)
async def test_the_control_is_random_under_the_same_executions(method: str, tmp_path: Path) -> None:
    hunt = Hunt(method, iterations=2, candidates=1, test=PLAN)
    result = await run(hunt, tmp_path)
    searched = hunt.journal.reports[-1].ledger.executions
    (control,) = [report for report in result.reports if report.name == "control"]
    assert control.chosen_from == min(5, searched // 4)
    assert [report.name for report in result.reports] == ["baseline", "control", "best"]
    assert result.policy is None
    assert not result.adapter


async def test_a_budget_that_is_too_small_for_one_iteration_is_said(tmp_path: Path) -> None:
    hunt = Hunt("random", budget=Budget(max_executions=20))
    with pytest.raises(BudgetSpent, match="too small for one iteration"):
        await run(hunt, tmp_path)
    assert hunt.generator.requests == []


async def test_a_budget_that_is_spent_ends_the_search_and_not_the_run(tmp_path: Path) -> None:
    hunt = Hunt("random", iterations=100, budget=Budget(max_executions=150))
    result = await run(hunt, tmp_path)
    assert 0 < len(hunt.journal.reports) < 100
    assert result.reports[-1].workflow == result.winner
    assert hunt.meter.ledger.executions <= 150


async def test_a_run_with_an_adapter_draws_and_refines_with_it(tmp_path: Path) -> None:
    hunt = Hunt("history", iterations=2, candidates=1)
    adapter = "sha256:" + "a" * 64
    hunt.context = replace(hunt.context, spec=replace(hunt.context.spec, generator_adapter=adapter))
    await run(hunt, tmp_path)
    assert isinstance(hunt.generator, ScriptedGenerator)
    assert [given for _, _, given in hunt.generator.requests] == [adapter, adapter]

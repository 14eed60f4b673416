"""Optimisations as their pages tell them, made up."""

from __future__ import annotations

import random

from autoflow.language import check
from autoflow.llm.base import Usage
from autoflow.power import Power
from autoflow.suites import Split, load_suite, workflow_text
from autoflow_worker.flags import Flag, FlagKind
from autoflow_worker.ledger import Ledger
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import Execution, Score, Step, Workflow
from autoflow_worker.results import (
    Acceptance,
    CandidateReport,
    Fate,
    Improvement,
    IterationReport,
    Result,
    WorkflowReport,
)
from autoflow_worker.run_page.story import Story
from autoflow_worker.run_page.tallies import StepTallies
from autoflow_worker.spec import Comparator, RunSpec, TestPlan
from autoflow_worker.statistics import Estimate

HOSTILE = "</td><script>document.title = 'broken'</script>"
TASKS = 24


def workflow(name: str) -> Workflow:
    parsed = check(workflow_text(name)).workflow
    assert parsed is not None
    return Workflow(parsed.text, parsed.digest)


def story(*, seed: int = 0, compared: bool = True, iterations: int = 8) -> Story:
    """One of which everything has happened: duplicates, broken candidates, a missing task, flags."""
    rng = random.Random(seed)
    winner, baseline = workflow("expert"), workflow("baseline")
    tasks = load_suite("planning").tasks(Split.TEST)[:TASKS]
    rows = {"baseline": _row(rng, 0.4), "control": _row(rng, 0.6), "best": _row(rng, 0.8)}
    rows["best"] = (None, *rows["best"][1:])
    if not compared:
        del rows["baseline"]
    tallies = StepTallies()
    for task, score in zip(tasks, rows["best"], strict=True):
        steps = (Step("Step 1", "Identify the input.", "a picture"), Step("Step 5", "Output.", HOSTILE))
        if score is not None:
            tallies.note(winner, task, Execution("plan", Usage(), steps=steps), score)
    ledger = Ledger(
        executions=480, cache_hits=12, missing=1, usage=Usage(900, 120_000, 9_000, 0, 0.4321), seconds=75.0
    )
    return Story(
        spec=RunSpec(
            suite="planning",
            generator="embedded",
            interpreter="embedded",
            interpreter_adapter="",
            method="reflective",
            seed=seed,
            training=TrainingSettings(iterations=iterations, candidates=4),
            test=TestPlan(comparators=(Comparator("baseline", baseline),) if compared else ()),
        ),
        title="Planning",
        iterations=[_iteration(rng, index, winner) for index in range(iterations)],
        result=_result(winner, list(rows), compared=compared),
        tasks=tasks,
        rows=rows,
        steps=tallies.of(winner),
        ledger=ledger,
        prompt_version="2",
    )


def _row(rng: random.Random, mean: float) -> tuple[Score | None, ...]:
    return tuple(Score(True, min(1.0, rng.random() * 2 * mean), 0.5) for _ in range(TASKS))


def _iteration(rng: random.Random, index: int, winner: Workflow) -> IterationReport:
    digests = [f"sha256:{index:032x}{place:032x}" for place in range(3)]
    parents = (f"sha256:{index - 1:032x}{0:032x}",) if index else ()
    candidates = [
        CandidateReport(digests[0], Fate.KEPT, parents, rng.random(), 6),
        CandidateReport(digests[1], Fate.SCREENED_OUT, parents, rng.random(), 3, "worse than its parent"),
        CandidateReport(digests[0], Fate.DUPLICATE, parents, reason=HOSTILE),
        CandidateReport("", Fate.INVALID, parents, reason="'Step 2' leads nowhere", mended=True),
    ]
    if index == 5:
        candidates[0] = CandidateReport(winner.digest, Fate.KEPT, parents, 0.9, 6)
    rewards = [item.reward for item in candidates if item.reward is not None]
    return IterationReport(index, sum(rewards) / len(rewards), max(rewards), candidates=tuple(candidates))


def _result(winner: Workflow, names: list[str], *, compared: bool) -> Result:
    estimate = Estimate(0.8, 0.72, 0.87)
    return Result(
        winner=winner,
        winner_validation_mean=0.82,
        adapter="",
        reports=tuple(
            WorkflowReport(
                *(name, winner, estimate, estimate, 0.97, TASKS - 1, 1),
                chosen_from=32 if name == "best" else 0,
                unoptimized=("exact_plan", Estimate(0.5, 0.4, 0.6)),
                spent=Ledger(executions=24, usage=Usage(96, 24_000, 2_400)),
            )
            for name in names
        ),
        policy=None,
        ceiling=1.0,
        improvement=Improvement("baseline", Estimate(0.4, 0.3, 0.5), 1.0) if compared else None,
        test_openings=2,
        suite_digest=f"sha256:{'c' * 64}",
        acceptance=Acceptance(
            True,
            "baseline",
            Estimate(0.4, 0.21, 0.55),
            Power(25, 0.17, 0.3),
            8,
            "accepted: +0.400, and the interval lies above zero",
        )
        if compared
        else None,
        flags=(Flag(FlagKind.LEAK, "best", f"it holds the words {HOSTILE}", ("t1", "t2")),),
        registered="workflows/planner@3",
    )

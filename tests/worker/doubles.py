"""Doubles of what a worker calls, each a function with a memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from autoflow.language import check
from autoflow.llm.base import Usage
from autoflow.plans import PlanReference, plan_f1, plan_valid
from autoflow.suites import ContentType, Split, Task, TaskSuite, Tool
from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.ledger import Budget, Meter
from autoflow_worker.methods import TrainingSettings
from autoflow_worker.ports import (
    Batch,
    CallFailed,
    Execution,
    Prompt,
    Score,
    UpdateStats,
    Workflow,
)
from autoflow_worker.publishing import Chronicle, Discovery, Publisher, Registry
from autoflow_worker.refinement import Designer
from autoflow_worker.results import IterationReport, Progress
from autoflow_worker.run_page.tallies import StepTallies
from autoflow_worker.spec import RunSpec, TestPlan

COST = Usage(calls=3, prompt_tokens=100, completion_tokens=10)
"""Of every execution."""
DRAWING = Usage(calls=1, prompt_tokens=5, completion_tokens=20)
"""Of every draw."""
PROMPT = Prompt((1, 2, 3), 'root ::= "x"')
IMPATIENT = Retry(attempts=3, first_wait=0.0, longest_wait=0.0)

TOOLS = tuple(
    Tool(name, "", (ContentType.TEXT,), ContentType.TEXT) for name in ("Alpha", "Beta", "Gamma", "Delta")
)


def task(number: int, *plan: str) -> Task:
    """A task whose right plan is given."""
    return Task(f"t{number}", "all", f"Task {number}?", (ContentType.TEXT,), ContentType.TEXT, (plan,))


def suite(train: int = 6, validation: int = 5, test: int = 8) -> TaskSuite:
    """A suite of tasks that all want `Alpha, Beta`."""
    sizes = {Split.TRAIN: train, Split.VALIDATION: validation, Split.TEST: test}
    starts = {Split.TRAIN: 0, Split.VALIDATION: 1000, Split.TEST: 2000}
    return TaskSuite(
        "doubles",
        "Plan.",
        TOOLS,
        {
            split: tuple(task(starts[split] + index, "Alpha", "Beta") for index in range(size))
            for split, size in sizes.items()
        },
    )


def workflow(instruction: str) -> Workflow:
    """A workflow of two steps; its last instruction is what `answering` has it answer."""
    text = f"Step 1:::process:::Begin:::next::Step 2\nStep 2:::terminal:::{instruction}"
    checked = check(text)
    assert checked.workflow is not None
    return Workflow(text, checked.workflow.digest)


def answering(workflow: Workflow, task: Task) -> str:
    """A workflow answers with its last instruction, whatever the task."""
    return workflow.text.rpartition(":::")[2]


class ScriptedInterpreter:
    """Executes by a function; `failures` says how often a pair's calls fail before one succeeds.

    Attributes:
        calls: every call, as workflow text and task id.
        most_in_flight: the most calls that were under way together.
    """

    identity = "scripted"

    def __init__(
        self,
        answer: Callable[[Workflow, Task], str | None] = answering,
        failures: Callable[[Workflow, Task], int] = lambda workflow, task: 0,
    ) -> None:
        self._answer = answer
        self._failures = failures
        self.calls: Counter[tuple[str, str]] = Counter()
        self.most_in_flight = 0
        self._in_flight = 0

    async def execute(self, workflow: Workflow, task: Task, *, seed: int = 0) -> Execution:
        """Executes, or fails."""
        pair = (workflow.text, task.id)
        self.calls[pair] += 1
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            await asyncio.sleep(0)
        finally:
            self._in_flight -= 1
        if self.calls[pair] <= self._failures(workflow, task):
            raise CallFailed("no interpreter today")
        return Execution(self._answer(workflow, task), COST)


class PlanScorer:
    """Scores plans as the scorer does, in process.

    Args:
        fails_on: a task whose answers cannot be scored.
    """

    def __init__(self, fails_on: Task | None = None) -> None:
        self._fails_on = fails_on
        self.calls: list[int] = []
        """The number of answers of each call."""

    async def score(self, answers: Sequence[tuple[str, Task]]) -> list[Score]:
        """Scores, or fails."""
        self.calls.append(len(answers))
        if any(task is self._fails_on for _, task in answers):
            raise CallFailed("no scorer today")
        return [_score(answer, task) for answer, task in answers]


def _score(answer: str, task: Task) -> Score:
    reference = PlanReference.of(task, TOOLS)
    f1 = plan_f1(answer, reference)
    return Score(bool(plan_valid(answer, reference)), f1, f1)


class Notebook:
    """A journal that keeps everything.

    Args:
        stop_after: raises `Killed` in the place of the commit after so many; None never does.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self._stop_after = stop_after
        self.reports: list[IterationReport] = []
        self.checkpoints: list[str] = []
        self.phases: list[Progress] = []
        self.openings: list[str] = []

    def progress(self, progress: Progress) -> None:
        """Keeps it."""
        self.phases.append(progress)

    async def commit(self, report: IterationReport, checkpoint: str) -> None:
        """Keeps it, or dies."""
        if self._stop_after is not None and len(self.reports) >= self._stop_after:
            raise Killed
        self.reports.append(report)
        self.checkpoints.append(checkpoint)

    async def open_test(self, suite_digest: str) -> int:
        """Keeps it."""
        self.openings.append(suite_digest)
        return len(self.openings)


class NotingRegistry:
    """A registry that keeps what it was given."""

    def __init__(self) -> None:
        self.found: list[Discovery] = []

    async def register(self, found: Discovery) -> str:
        """Keeps it."""
        self.found.append(found)
        return f"workflows/{found.spec.register_as}@{len(self.found)}"


class MemoryArtifacts:
    """Artifacts in a dictionary; no folders."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keeps a blob."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return digest

    def put_folder(self, path: Path) -> str:
        """There are none."""
        raise NotImplementedError

    def fetch_folder(self, digest: str, into: Path) -> Path:
        """There are none."""
        raise NotImplementedError


def publisher(here: Context, registry: Registry | None = None) -> Publisher:
    """Publishes into memory."""
    chronicle = Chronicle(here.journal, ())
    return Publisher(here, chronicle, StepTallies(), MemoryArtifacts(), registry or NotingRegistry())


class CountingPolicy:
    """A policy whose weights are the number of its steps.

    Attributes:
        updates: the batches of every update.
    """

    def __init__(self) -> None:
        self.updates: list[tuple[Batch, ...]] = []
        self.steps = 0

    def update(self, prompt: Prompt, batches: Sequence[Batch], *, rate: float = 1.0) -> UpdateStats:
        """Counts the steps."""
        self.updates.append(tuple(batches))
        self.steps += len(batches)
        return UpdateStats(kl=0.25, loss=0.0, gradient_norm=1.0)

    def log_probs(self, prompt: Prompt, drawn: Sequence[tuple[int, ...]]) -> list[tuple[float, ...]]:
        """Every token is certain."""
        return [(0.0,) * len(token_ids) for token_ids in drawn]

    def save(self, adapter: Path, optimizer: Path) -> None:
        """Writes the count to both folders."""
        for folder in (adapter, optimizer):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "steps").write_text(str(self.steps))

    def load(self, adapter: Path, optimizer: Path) -> None:
        """Reads the count."""
        assert (adapter / "steps").read_text() == (optimizer / "steps").read_text()
        self.steps = int((adapter / "steps").read_text())


class Killed(BaseException):
    """The worker died here."""


def context(
    spec: RunSpec,
    generator: Designer,
    interpreter: ScriptedInterpreter,
    journal: Notebook,
    *,
    scorer: PlanScorer | None = None,
    tasks: TaskSuite | None = None,
) -> Context:
    """A run's surroundings."""
    meter = Meter(spec.budget)
    evaluator = Evaluator(interpreter, scorer or PlanScorer(), meter, retry=IMPATIENT)
    return Context(spec, tasks or suite(), generator, evaluator, meter, journal, IMPATIENT)


def run_spec(
    method: str = "rloo",
    *,
    iterations: int = 3,
    candidates: int = 4,
    tasks: int = 3,
    seed: int = 0,
    test: TestPlan | None = None,
    budget: Budget | None = None,
) -> RunSpec:
    """A small run."""
    training = TrainingSettings(iterations=iterations, candidates=candidates, tasks=tasks)
    return RunSpec(
        suite="doubles",
        generator="embedded",
        interpreter="embedded",
        interpreter_adapter="",
        method=method,
        seed=seed,
        training=training,
        test=test or TestPlan(),
        budget=budget or Budget(),
    )

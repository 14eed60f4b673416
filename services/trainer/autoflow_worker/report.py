"""The end of a run: choose on validation, then open the sealed test once and measure everything.

- `best` is the run's winner; `control` is chosen in the same way (the same training tasks, the same
  shortlist, the same validation tasks) from samples of the *untrained* generator: as many as were asked for,
  but never more than the run itself drew. The best found is mostly search, and the control says how much.
- The policy before and after: fresh samples of the untrained and the trained generator, at the temperature
  and under the grammar of the run, on the same few test tasks. That is the learning.
- The ceiling is what the reference plans themselves score.

Everything that chooses or draws is done before the test split is opened. A worker that is stopped after that
does the end again, and the trainer counts the run's opening once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from autoflow.errors import FailedPrecondition
from autoflow.suites import Split, TaskSuite, stratified
from autoflow_worker.checkpoint import State
from autoflow_worker.comparison import improvement
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Assignment, Row, mean_reward
from autoflow_worker.ports import CallFailed, Candidate, Scorer, Workflow
from autoflow_worker.results import Improvement, PolicyReport, Progress, Result, WorkflowReport
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.selection import SHORTLIST, best, shortlist
from autoflow_worker.spec import RunSpec
from autoflow_worker.statistics import Estimate, bootstrap_mean, t_interval

_POLICY_TASKS_SEED = 0
"""The tasks on which policies are measured are the same in every run, so that runs can be compared."""


def reserve(spec: RunSpec, suite: TaskSuite) -> int:
    """The most executions that the end of a run can need."""
    chosen = 2 if spec.test.control_samples else 1
    test = len(suite.tasks(Split.TEST))
    control = _control_samples(spec, spec.training.iterations) * spec.training.tasks
    validation = chosen * SHORTLIST * len(suite.tasks(Split.VALIDATION))
    policy = 2 * spec.test.policy_samples * min(spec.test.policy_tasks, test)
    return control + validation + (chosen + len(spec.test.comparators)) * test + policy


def _control_samples(spec: RunSpec, iterations: int) -> int:
    """Samples of the control of a run that did so many iterations."""
    return min(spec.test.control_samples, iterations * spec.training.candidates)


@dataclass(frozen=True, slots=True)
class _Contestant:
    """A workflow that goes to the test."""

    name: str
    workflow: Workflow
    validation_mean: float = 0.0
    """0 for a given workflow."""
    chosen_from: int = 0
    """Samples; 0 for a given workflow."""


class Ending:
    """One run's end.

    Args:
        context: what to do, and with what.
        scorer: scores the reference plans.
        state: what the learning left.
    """

    def __init__(self, context: Context, scorer: Scorer, state: State) -> None:
        self._context = context
        self._scorer = scorer
        self._state = state
        self._test = context.suite.tasks(Split.TEST)

    async def run(self) -> Result:
        """Chooses, opens the test split, and measures.

        Raises:
            FailedPrecondition: the run has found no valid workflow.
            CallFailed: something could not be measured at all.
            BudgetSpent: the budget did not last.
        """
        chosen = await self._choose()
        before = await self._fresh(Purpose.POLICY_BEFORE, adapter="")
        after = await self._fresh(Purpose.POLICY_AFTER, adapter=self._state.adapter)
        digest = self._context.suite.digest
        openings = await self._context.journal.open_test(digest)
        given = [_Contestant(item.name, item.workflow) for item in self._context.spec.test.comparators]
        contestants = [*given, *chosen]
        samples = [*before, *after]
        tasks = stratified(self._test, self._context.spec.test.policy_tasks, _POLICY_TASKS_SEED)
        rows = await self._evaluate(
            [(contestant.workflow, self._test) for contestant in contestants]
            + [(sample.workflow, tasks) for sample in samples],
            "testing",
        )
        return Result(
            winner=chosen[-1].workflow,
            winner_validation_mean=chosen[-1].validation_mean,
            adapter=self._state.adapter,
            reports=tuple(map(self._workflow_report, contestants, rows)),
            policy=_policy_report(samples, rows[len(contestants) :]) if samples else None,
            ceiling=await self._ceiling(),
            improvement=self._improvement(given[0].name, rows[len(contestants) - 1], rows[0])
            if given
            else None,
            test_openings=openings,
            suite_digest=digest,
        )

    async def _choose(self) -> list[_Contestant]:
        """The control, where one is asked for and has anything to choose from, and the winner last."""
        control = await self._control()
        drawn = self._state.iteration * self._context.spec.training.candidates
        fields = [
            ("control", len(control), self._shortlist(control)),
            ("best", drawn, self._shortlist(self._state.workflows)),
        ]
        if not fields[-1][2]:
            raise FailedPrecondition("the run has found no valid workflow")
        validation = self._context.suite.tasks(Split.VALIDATION)
        entries = [(workflow, validation) for _, _, workflows in fields for workflow in workflows]
        rows = iter(await self._evaluate(entries, "validating"))
        chosen = []
        for name, count, workflows in fields:
            if workflows:
                workflow, mean = best(workflows, list(islice(rows, len(workflows))))
                chosen.append(_Contestant(name, workflow, mean, count))
        return chosen

    def _shortlist(self, workflows: Iterable[Workflow | None]) -> list[Workflow]:
        train = self._context.suite.tasks(Split.TRAIN)
        return shortlist(filter(None, workflows), train, self._context.evaluator.cache)

    async def _control(self) -> list[Workflow | None]:
        """Draws and measures samples of the untrained generator as an iteration does; None where invalid."""
        training = self._context.spec.training
        count = _control_samples(self._context.spec, self._state.iteration)
        if not count:
            return []
        generation = await self._context.draw(count, purpose=Purpose.CONTROL)
        workflows = [candidate.workflow for candidate in generation.candidates]
        tasks = [self._context.training_tasks(index // training.candidates) for index in range(count)]
        await self._evaluate(list(zip(workflows, tasks, strict=True)), "drawing the control")
        return workflows

    async def _fresh(self, purpose: Purpose, *, adapter: str) -> Sequence[Candidate]:
        count = self._context.spec.test.policy_samples
        if not count:
            return ()
        return (await self._context.draw(count, purpose=purpose, adapter=adapter)).candidates

    async def _ceiling(self) -> float:
        answers = [(task.reference, task) for task in self._test]
        scores = await self._context.retry.call(lambda: self._scorer.score(answers))
        return sum(score.reward for score in scores) / len(scores)

    async def _evaluate(self, assignments: Sequence[Assignment], phase: str) -> list[Row]:
        def on_progress(done: int, total: int) -> None:
            self._context.journal.progress(Progress(phase, done, total))

        on_progress(0, 0)
        return await self._context.evaluator.evaluate(assignments, on_progress=on_progress)

    def _workflow_report(self, contestant: _Contestant, row: Row) -> WorkflowReport:
        scores = [score for score in row if score is not None]
        if not scores:
            raise CallFailed(f"{contestant.name} could not be measured on a single test task")
        return WorkflowReport(
            name=contestant.name,
            workflow=contestant.workflow,
            reward=bootstrap_mean([score.reward for score in scores], seed=self._seed),
            plan_f1=None
            if self._context.suite.judge
            else bootstrap_mean([score.plan_f1 for score in scores], seed=self._seed),
            valid_plan_rate=sum(score.plan_valid for score in scores) / len(scores),
            tasks=len(scores),
            missing=len(row) - len(scores),
            chosen_from=contestant.chosen_from,
        )

    def _improvement(self, over: str, row: Row, comparator: Row) -> Improvement:
        found = improvement(row, comparator, over, seed=self._seed)
        if found is None:
            raise CallFailed(f"the winner and {over} could not be measured on one common test task")
        return found

    @property
    def _seed(self) -> int:
        return derive(self._context.spec.seed, Purpose.BOOTSTRAP)


def _policy_report(samples: Sequence[Candidate], rows: Sequence[Row]) -> PolicyReport:
    """The report of samples of which the first half was drawn before the learning."""
    half = len(samples) // 2
    return PolicyReport(
        before=_over_samples(rows[:half]),
        after=_over_samples(rows[half:]),
        samples=half,
        tasks=len(rows[0]),
        valid_workflow_rate=sum(sample.workflow is not None for sample in samples) / len(samples),
        truncated=sum(sample.truncated for sample in samples),
    )


def _over_samples(rows: Sequence[Row]) -> Estimate:
    means = [mean for row in rows if (mean := mean_reward(row)) is not None]
    if not means:
        raise CallFailed("not one sample of the policy could be measured")
    return t_interval(means).within(0.0, 1.0)

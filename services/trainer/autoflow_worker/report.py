"""The end of a run: choose on validation, then open the sealed test once and measure everything.

- `best` is the run's winner; `control` is chosen in the same way (the same training tasks, the same
  shortlist, the same validation tasks) from samples of the *untrained* generator: as many as were asked for,
  but never more than the run itself drew. The best found is mostly search, and the control says how much.
- The policy before and after: fresh samples of the untrained and the trained generator, at the temperature
  and under the grammar of the run, on the same few test tasks. That is the learning.
- The ceiling is what the reference plans themselves score.

The winner is accepted where it is surely better on validation than the first comparator; choosing the best of
a shortlist is made up for (`autoflow_worker.acceptance`). Where none is accepted the best of them is measured
and reported all the same, and not registered.

Everything that chooses or draws is done before the test split is opened. A worker that is stopped after that
does the end again, and the trainer counts the run's opening once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from autoflow.errors import FailedPrecondition
from autoflow.methods import Method
from autoflow.suites import Split, TaskSuite, stratified
from autoflow_worker.acceptance import decide, groups_of, rewards_of
from autoflow_worker.comparison import improvement
from autoflow_worker.context import Context
from autoflow_worker.evaluator import Assignment, Row, cost_of, mean_reward
from autoflow_worker.ports import CallFailed, Candidate, Scorer, Workflow
from autoflow_worker.publishing import Publisher
from autoflow_worker.results import Acceptance, Improvement, PolicyReport, Progress, Result, WorkflowReport
from autoflow_worker.seeds import Purpose, derive
from autoflow_worker.selection import SHORTLIST, best, shortlist
from autoflow_worker.spec import RunSpec
from autoflow_worker.statistics import Estimate, bootstrap_mean, t_interval
from autoflow_worker.trust import WINNER, acceptance, flags_of, unoptimized

_POLICY_TASKS_SEED = 0
"""The tasks on which policies are measured are the same in every run, so that runs can be compared."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the learning or the search left."""

    shortlist: tuple[Workflow, ...]
    """From which the winner is chosen, the best first."""
    drawn: int
    """Candidates in all."""
    control: int
    """The most samples that a control under the same budget may have."""
    adapter: str = ""
    """Digest of the policy's; empty where none was trained."""


def reserve(spec: RunSpec, suite: TaskSuite) -> int:
    """The most executions that the end of a run can need."""
    chosen = 2 if spec.test.control_samples else 1
    test = len(suite.tasks(Split.TEST))
    samples, drawn = spec.test.control_samples, spec.training.iterations * spec.training.candidates
    # A population measures as it sees fit, so that its control may have more samples than it has candidates.
    if spec.method != Method.REFLECTIVE:
        samples = min(samples, drawn)
    control = samples * spec.training.tasks
    # The first comparator is what the winner must beat.
    finalists = min(SHORTLIST, drawn) + min(SHORTLIST, samples) + (1 if spec.test.comparators else 0)
    validation = finalists * len(suite.tasks(Split.VALIDATION))
    policy = 2 * spec.test.policy_samples * min(spec.test.policy_tasks, test) if spec.trains else 0
    return control + validation + (chosen + len(spec.test.comparators)) * test + policy


@dataclass(frozen=True, slots=True)
class _Contestant:
    """A workflow that goes to the test."""

    name: str
    workflow: Workflow
    validation_mean: float = 0.0
    """0 for a given workflow."""
    chosen_from: int = 0
    """Samples; 0 for a given workflow."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What a contestant is chosen from."""

    name: str
    samples: int
    workflows: Sequence[Workflow]


class Ending:
    """One run's end.

    Args:
        context: what to do, and with what.
        scorer: scores the reference plans.
        found: what the learning or the search left.
        publisher: makes the page, and registers the winner.
    """

    def __init__(self, context: Context, scorer: Scorer, found: Found, publisher: Publisher) -> None:
        self._context = context
        self._scorer = scorer
        self._found = found
        self._publisher = publisher
        self._test = context.suite.tasks(Split.TEST)
        self._groups = groups_of(self._test)

    async def run(self) -> Result:
        """Chooses, opens the test split, and measures.

        Raises:
            FailedPrecondition: the run has found no valid workflow.
            CallFailed: something could not be measured at all.
            BudgetSpent: the budget did not last.
        """
        chosen, accepted = await self._choose()
        before = await self._fresh(Purpose.POLICY_BEFORE, adapter="")
        after = await self._fresh(Purpose.POLICY_AFTER, adapter=self._found.adapter)
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
        reports = tuple(map(self._workflow_report, contestants, rows))
        row = rows[len(contestants) - 1]
        gain = self._improvement(given[0].name, row, rows[0]) if given else None
        result = Result(
            winner=chosen[-1].workflow,
            winner_validation_mean=chosen[-1].validation_mean,
            adapter=self._found.adapter,
            reports=reports,
            policy=_policy_report(samples, rows[len(contestants) :]) if samples else None,
            ceiling=await self._ceiling(),
            improvement=gain,
            test_openings=openings,
            suite_digest=digest,
            acceptance=accepted,
            flags=flags_of(
                self._context.suite,
                (chosen[-1].workflow, row),
                (given[0].name, given[0].workflow, rows[0]) if given else None,
                gain,
                reward=self._context.spec.reward,
                openings=openings,
                tasks=self._test,
                seed=self._seed,
            ),
        )
        self._context.journal.progress(Progress("reporting", 0, 0))
        return await self._publisher.publish(
            result, {item.name: row for item, row in zip(contestants, rows, strict=False)}
        )

    async def _choose(self) -> tuple[list[_Contestant], Acceptance | None]:
        """The control, where one is asked for and has anything to choose from, and the winner last.

        With them, whether the winner is accepted; None where there is nothing to compare it with.
        """
        control = await self._control()
        fields = [
            _Field("control", len(control), self._shortlist(control)),
            _Field(WINNER, self._found.drawn, self._found.shortlist),
        ]
        if not fields[-1].workflows:
            raise FailedPrecondition("the run has found no valid workflow")
        incumbent = next(iter(self._context.spec.test.comparators), None)
        validation = self._context.suite.tasks(Split.VALIDATION)
        entries = [workflow for field in fields for workflow in field.workflows]
        entries += [incumbent.workflow] if incumbent else []
        rows = await self._evaluate([(workflow, validation) for workflow in entries], "validating")
        left = iter(rows)
        rows_of = {field.name: list(islice(left, len(field.workflows))) for field in fields}
        chosen = []
        for field in (field for field in fields if field.workflows):
            workflow, mean = best(field.workflows, rows_of[field.name])
            chosen.append(_Contestant(field.name, workflow, mean, field.samples))
        if incumbent is None:
            return chosen, None
        decision = decide(
            [rewards_of(row) for row in rows_of[WINNER]],
            rewards_of(rows[-1]),
            seed=self._seed,
            groups=groups_of(validation),
        )
        if decision.chosen is not None:
            winner, row = fields[-1].workflows[decision.chosen], rows_of[WINNER][decision.chosen]
            chosen[-1] = _Contestant(WINNER, winner, mean_reward(row) or 0.0, self._found.drawn)
        return chosen, acceptance(decision, incumbent.name)

    def _shortlist(self, workflows: Iterable[Workflow | None]) -> Sequence[Workflow]:
        train = self._context.suite.tasks(Split.TRAIN)
        return shortlist(filter(None, workflows), train, self._context.evaluator.cache)

    async def _control(self) -> list[Workflow | None]:
        """Draws and measures samples of the untrained generator as an iteration does; None where invalid."""
        training = self._context.spec.training
        count = min(self._context.spec.test.control_samples, self._found.control)
        if not count:
            return []
        generation = await self._context.draw(count, purpose=Purpose.CONTROL)
        workflows = [candidate.workflow for candidate in generation.candidates]
        tasks = [self._context.training_tasks(index // training.candidates) for index in range(count)]
        await self._evaluate(list(zip(workflows, tasks, strict=True)), "drawing the control")
        return workflows

    async def _fresh(self, purpose: Purpose, *, adapter: str) -> Sequence[Candidate]:
        count = self._context.spec.test.policy_samples
        if not count or not self._context.spec.trains:
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
            reward=self._mean([score.reward if score else None for score in row]),
            plan_f1=None
            if self._context.suite.judge
            else self._mean([score.plan_f1 if score else None for score in row]),
            valid_plan_rate=sum(score.plan_valid for score in scores) / len(scores),
            tasks=len(scores),
            missing=len(row) - len(scores),
            chosen_from=contestant.chosen_from,
            unoptimized=unoptimized(row, self._context.spec.reward, seed=self._seed, groups=self._groups),
            spent=cost_of(row),
        )

    def _mean(self, values: Sequence[float | None]) -> Estimate:
        """The mean of what is there on the test tasks."""
        known = [
            (value, group) for value, group in zip(values, self._groups, strict=True) if value is not None
        ]
        found, groups = zip(*known, strict=True)
        return bootstrap_mean(found, seed=self._seed, groups=groups)

    def _improvement(self, over: str, row: Row, comparator: Row) -> Improvement:
        found = improvement(row, comparator, over, seed=self._seed, groups=self._groups)
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

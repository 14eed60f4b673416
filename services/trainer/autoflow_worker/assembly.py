"""Wires a worker: clients, adapters, domain."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from autoflow.client import Client, ClientSettings
from autoflow.client.worker import RunWorkerClient
from autoflow.errors import FailedPrecondition
from autoflow.llm import tiny
from autoflow.methods import Reward
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import Split, Task, TaskSuite
from autoflow_worker.checkpoint import Checkpoints
from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Context, Journal
from autoflow_worker.evaluation.job import EvaluationJob
from autoflow_worker.evaluation.page import SHOWN_SAMPLES
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluator import Evaluator, OnMeasured
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.job import OptimizationJob
from autoflow_worker.judged import JudgedScorer
from autoflow_worker.lease import Grant, Spec
from autoflow_worker.ledger import Meter
from autoflow_worker.matrix.job import MatrixJob
from autoflow_worker.matrix.pairing import Desk, Seat
from autoflow_worker.matrix.spec import MatrixSpec
from autoflow_worker.plan_calls import PlanCalls
from autoflow_worker.ports import Execution, Interpreter, Policy, Score, Scorer, Workflow
from autoflow_worker.publishing import Chronicle, Publisher
from autoflow_worker.remote import RemoteGenerator, RemoteScorer
from autoflow_worker.remote_interpreter import RemoteInterpreter
from autoflow_worker.remote_registry import RemoteRegistry
from autoflow_worker.remote_trainer import RemoteTrainer
from autoflow_worker.results import IterationReport
from autoflow_worker.run_page.tallies import StepTallies
from autoflow_worker.search import Traces
from autoflow_worker.search.job import SearchJob
from autoflow_worker.settings import WorkerSettings
from autoflow_worker.spec import RunSpec
from autoflow_worker.suites import SuiteFirst, Suites
from autoflow_worker.worker import Job, work

_SCORE_BATCH = 512
"""Answers that are compared with plans in one call."""
_SHOWN_SCORES = 256
"""Scores that an evaluation remembers with their outputs, which take memory."""


def tiny_weights(model: str) -> Path | None:
    """The folder of the embedded model; None for any other."""
    return tiny.path() if model == tiny.NAME else None


PolicyLoader = Callable[[RunSpec], Policy]
"""Reads the untrained policy of a run; blocks."""


async def work_on(
    run: str,
    settings: WorkerSettings,
    load_policy: PolicyLoader | None = None,
    retry: Retry | None = None,
    connect: Callable[..., Client] = Client,
) -> None:
    """Does one run over the services that the settings name.

    Args:
        run: `runs/<id>`.
        settings: where everything is.
        load_policy: how the policy is read. Default: the embedded model, with torch.
        retry: what is done about calls that fail.
        connect: makes the client of all services but the trainer, given what `Client` takes.

    Raises:
        LeaseLost: the run is another worker's.
        CallFailed: the trainer, or a service that the work needs, could not serve.
    """
    retry = retry or Retry()
    load_policy = load_policy or partial(load_lora_policy, settings=settings)
    services = connect(
        generator=settings.generator_address,
        interpreter=settings.interpreter_address,
        scorer=settings.scorer_address,
        settings=ClientSettings(caller=run.removeprefix("runs/")),
    )
    trainer_client = RunWorkerClient(settings.trainer_address, settings.run_token)
    async with services, trainer_client as trainer, AsyncExitStack() as closing:
        prepare = _Assembly(run, settings, services, closing, load_policy, retry)
        await work(RemoteTrainer(trainer, run), prepare, retry)


def load_lora_policy(
    spec: RunSpec, settings: WorkerSettings, weights: Callable[[str], Path | None] = tiny_weights
) -> Policy:
    """Reads the run's base model and gives it an adapter; imports torch.

    Args:
        spec: names the model.
        settings: the device and its threads.
        weights: the folder of a model by its name, as the catalogue has it.

    Raises:
        FailedPrecondition: this worker has no weights of that model.
        UnknownModel: the catalogue has no such model.
    """
    from autoflow_worker.policy.loading import load

    folder = weights(spec.generator)
    if folder is None:
        raise FailedPrecondition(
            f"the model {spec.generator!r} cannot be trained here: it is served elsewhere, and its weights "
            "are in no folder of this worker"
        )
    return load(folder, spec, device=settings.worker_device, threads=settings.worker_threads)


@dataclass(frozen=True, slots=True)
class _Assembly:
    """Makes the work on a run."""

    run: str
    settings: WorkerSettings
    services: Client
    closing: AsyncExitStack
    """Ends what the work has begun, before the clients are closed."""
    load_policy: PolicyLoader
    retry: Retry

    def __call__(self, grant: Grant, journal: Journal) -> Job:
        """Makes the work on the run that was granted."""
        spec = grant.read_spec()
        suites = Suites(ArtifactStore(self.settings.artifacts), self.settings.suite_cache.expanduser())
        return SuiteFirst(
            partial(suites.load, spec.suite, grant.suite_artifact),
            partial(self._job, spec, grant, journal),
            grant,
            journal,
            self.retry,
        )

    def _job(self, spec: Spec, grant: Grant, journal: Journal, suite: TaskSuite) -> Job:
        if suite.judge is not None:
            # Whoever left the reward to its default wants this one.
            spec = replace(spec, reward=Reward.JUDGED)
        work = _Work(
            self, suite, Meter(spec.budget, grant.spent), journal, grant.checkpoint, grant.iterations
        )
        match spec:
            case RunSpec():
                return work.optimization(spec)
            case EvaluationSpec():
                return work.evaluation(spec)
            case MatrixSpec():
                return work.matrix(spec)


@dataclass(frozen=True, slots=True)
class _Work:
    """Makes the work on a run whose suite is there."""

    by: _Assembly
    suite: TaskSuite
    meter: Meter
    journal: Journal
    checkpoint: str
    """Where to go on from; empty for the start."""
    iterations: tuple[IterationReport, ...]
    """Those that are committed."""

    def optimization(self, spec: RunSpec) -> Job:
        """An optimisation, by training or by search."""
        # The test is done by one worker from its beginning to its end: the page shows all of it, always.
        traces, tallies = Traces(), StepTallies(self.suite.tasks(Split.TEST))

        def note(workflow: Workflow, task: Task, execution: Execution, score: Score) -> None:
            traces.note(workflow, task, execution, score)
            tallies.note(workflow, task, execution, score)

        scorer = self._scorer(spec.reward)
        interpreter = self._interpreter(spec.interpreter, spec.interpreter_adapter)
        chronicle = Chronicle(self.journal, self.iterations)
        evaluator = self._evaluator(interpreter, scorer, spec.reward, note)
        context = replace(self._context(spec, evaluator), journal=chronicle)
        checkpoints = Checkpoints(self._artifacts, self.by.run)
        registry = RemoteRegistry(self.by.services.registry, self.by.run)
        publisher = Publisher(context, chronicle, tallies, self._artifacts, registry)
        if not spec.trains:
            return SearchJob(context, scorer, checkpoints, publisher, traces, self.checkpoint)
        policy = partial(self.by.load_policy, spec)
        return OptimizationJob(context, scorer, checkpoints, publisher, policy, self.checkpoint)

    def evaluation(self, spec: EvaluationSpec) -> Job:
        """An evaluation; people want to see what its scores rest on."""
        shown = {"samples": spec.samples, "shown": SHOWN_SAMPLES, "remembered": _SHOWN_SCORES}
        return EvaluationJob(
            spec,
            self.suite,
            self._interpreter(spec.interpreter, spec.interpreter_adapter, temperature=spec.temperature),
            self._scorer(spec.reward, evidence=True, **shown),
            self.meter,
            self.journal,
            self._artifacts,
            retry=self.by.retry,
            concurrency=self.by.settings.worker_executions,
            checkpoint=self.checkpoint,
        )

    def matrix(self, spec: MatrixSpec) -> Job:
        """A matrix; the pairings of one interpreter share its evaluator."""
        scorer = self._scorer(spec.reward)
        seats = {name: Seat() for name in spec.interpreters}
        evaluators = {
            name: self._evaluator(self._interpreter(name.model, name.adapter), scorer, spec.reward, seat.note)
            for name, seat in seats.items()
        }
        desks = [
            Desk(
                generator,
                interpreter,
                self._context(spec.search(generator, interpreter), evaluators[interpreter]),
                seats[interpreter],
            )
            for generator, interpreter in spec.pairings
        ]
        return MatrixJob(
            spec,
            self.suite,
            desks,
            self.meter,
            self.journal,
            self._artifacts,
            retry=self.by.retry,
            checkpoint=self.checkpoint,
        )

    @property
    def _artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.by.settings.artifacts)

    def _context(self, spec: RunSpec, evaluator: Evaluator) -> Context:
        return Context(
            spec=spec,
            suite=self.suite,
            generator=RemoteGenerator(
                # Somebody who trains needs what was sampled, and nothing else.
                *(self.by.services.generator, spec.generator, self.suite, spec.training),
                mends=not spec.trains,
                priced=bool(spec.budget.max_cost_usd),
            ),
            evaluator=evaluator,
            meter=self.meter,
            journal=self.journal,
            retry=self.by.retry,
        )

    def _interpreter(self, model: str, adapter: str, *, temperature: float = 0.0) -> RemoteInterpreter:
        return RemoteInterpreter(
            *(self.by.services.interpreter, model, adapter, self.suite),
            temperature=temperature,
            # One execution never needs more than all of the run may.
            max_cost_usd=self.meter.budget.max_cost_usd,
            run=self.by.run,
        )

    def _evaluator(
        self, interpreter: Interpreter, scorer: Scorer, reward: Reward, on_measured: OnMeasured
    ) -> Evaluator:
        return Evaluator(
            *(interpreter, scorer, self.meter),
            retry=self.by.retry,
            concurrency=self.by.settings.worker_executions,
            # Tools work while the model still answers for others.
            score_batch=1 if reward is Reward.EXECUTED else _SCORE_BATCH,
            on_measured=on_measured,
        )

    def _scorer(self, reward: Reward, *, evidence: bool = False, **options: int) -> Scorer:
        """What gives the rewards; `options` are those of executed plans."""
        if self.suite.judge is not None:
            return JudgedScorer(self.suite.judge, evidence=evidence)
        if reward is Reward.PLAN:
            return RemoteScorer(self.by.services.scorer, self.suite)
        calls = PlanCalls(
            *(self.by.services.interpreter, self.by.services.scorer),
            seconds=self.by.settings.worker_plan_seconds,
            on_tools=self.meter.tools_called,
        )
        scorer = ExecutedScorer(calls, self.suite, **options)
        self.by.closing.push_async_callback(scorer.close)
        return scorer

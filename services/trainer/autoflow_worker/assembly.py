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
from autoflow.suites import TaskSuite
from autoflow_worker.checkpoint import Checkpoints
from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Context, Journal
from autoflow_worker.evaluation.job import EvaluationJob
from autoflow_worker.evaluation.page import SHOWN_SAMPLES
from autoflow_worker.evaluation.spec import EvaluationSpec
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.job import OptimizationJob
from autoflow_worker.judged import JudgedScorer
from autoflow_worker.lease import Grant
from autoflow_worker.ledger import Meter
from autoflow_worker.plan_calls import PlanCalls
from autoflow_worker.ports import Interpreter, Policy, Scorer
from autoflow_worker.remote import RemoteGenerator, RemoteInterpreter, RemoteScorer, RemoteTrainer
from autoflow_worker.settings import WorkerSettings
from autoflow_worker.spec import RunSpec
from autoflow_worker.suites import SuiteFirst, Suites
from autoflow_worker.worker import Job, work

_SCORE_BATCH = 512
"""Answers that are compared with plans in one call."""
_SHOWN_SCORES = 256
"""Scores that an evaluation remembers with their outputs, which take memory."""

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
        prepare = _Assembly(settings, services, closing, load_policy, retry)
        await work(RemoteTrainer(trainer, run), prepare, retry)


def load_lora_policy(spec: RunSpec, settings: WorkerSettings) -> Policy:
    """Reads the run's base model and gives it an adapter; imports torch.

    Raises:
        FailedPrecondition: this worker has no weights of that model.
    """
    from autoflow_worker.policy.loading import load

    return load(
        weights_folder(spec.generator), spec, device=settings.worker_device, threads=settings.worker_threads
    )


def weights_folder(model: str) -> Path:
    """Where the weights of a model of the catalogue are on this machine.

    Raises:
        FailedPrecondition: they are not.
    """
    if model != tiny.NAME:
        raise FailedPrecondition(f"the model {model!r} cannot be trained here, only {tiny.NAME!r} can")
    return tiny.path()


@dataclass(frozen=True, slots=True)
class _Assembly:
    """Makes the work on a run."""

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

    def _job(self, spec: RunSpec | EvaluationSpec, grant: Grant, journal: Journal, suite: TaskSuite) -> Job:
        if suite.judge is not None:
            # Whoever left the reward to its default wants this one.
            spec = replace(spec, reward=Reward.JUDGED)
        interpreter = RemoteInterpreter(
            self.services.interpreter, spec.interpreter, spec.interpreter_adapter, suite
        )
        meter = Meter(spec.budget, grant.spent)
        if isinstance(spec, EvaluationSpec):
            return self._evaluation(spec, suite, interpreter, meter, grant, journal)
        return self._optimization(spec, suite, interpreter, meter, grant, journal)

    def _optimization(
        self,
        spec: RunSpec,
        suite: TaskSuite,
        interpreter: Interpreter,
        meter: Meter,
        grant: Grant,
        journal: Journal,
    ) -> OptimizationJob:
        scorer = self._scorer(spec, suite)
        context = Context(
            spec=spec,
            suite=suite,
            generator=RemoteGenerator(self.services.generator, spec.generator, suite, spec.training),
            evaluator=Evaluator(
                interpreter,
                scorer,
                meter,
                retry=self.retry,
                concurrency=self.settings.worker_executions,
                # Tools work while the model still answers for others.
                score_batch=1 if spec.reward is Reward.EXECUTED else _SCORE_BATCH,
            ),
            meter=meter,
            journal=journal,
            retry=self.retry,
        )
        checkpoints = Checkpoints(ArtifactStore(self.settings.artifacts))
        return OptimizationJob(
            context, scorer, checkpoints, partial(self.load_policy, spec), grant.checkpoint
        )

    def _evaluation(
        self,
        spec: EvaluationSpec,
        suite: TaskSuite,
        interpreter: Interpreter,
        meter: Meter,
        grant: Grant,
        journal: Journal,
    ) -> EvaluationJob:
        return EvaluationJob(
            spec,
            suite,
            interpreter,
            self._scorer(spec, suite),
            meter,
            journal,
            ArtifactStore(self.settings.artifacts),
            retry=self.retry,
            concurrency=self.settings.worker_executions,
            checkpoint=grant.checkpoint,
        )

    def _scorer(self, spec: RunSpec | EvaluationSpec, suite: TaskSuite) -> Scorer:
        """What gives the rewards; of an evaluation people want to see what they rest on."""
        if suite.judge is not None:
            return JudgedScorer(suite.judge, evidence=isinstance(spec, EvaluationSpec))
        if spec.reward is Reward.PLAN:
            return RemoteScorer(self.services.scorer, suite)
        if isinstance(spec, EvaluationSpec):
            return self._executed(suite, samples=spec.samples, shown=SHOWN_SAMPLES, remembered=_SHOWN_SCORES)
        return self._executed(suite)

    def _executed(self, suite: TaskSuite, **options: int) -> ExecutedScorer:
        seconds = self.settings.worker_plan_seconds
        calls = PlanCalls(self.services.interpreter, self.services.scorer, seconds=seconds)
        scorer = ExecutedScorer(calls, suite, **options)
        self.closing.push_async_callback(scorer.close)
        return scorer

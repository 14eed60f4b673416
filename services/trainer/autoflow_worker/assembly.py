"""Wires a worker: clients, adapters, domain."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from autoflow.client import Client
from autoflow.client.worker import RunWorkerClient
from autoflow.errors import FailedPrecondition
from autoflow.llm import tiny
from autoflow.store.artifacts import ArtifactStore
from autoflow.suites import load_suite
from autoflow_worker.checkpoint import Checkpoints
from autoflow_worker.concurrency import Retry
from autoflow_worker.context import Context, Journal
from autoflow_worker.evaluator import Evaluator
from autoflow_worker.executed import ExecutedScorer
from autoflow_worker.job import OptimizationJob
from autoflow_worker.lease import Grant
from autoflow_worker.ledger import Meter
from autoflow_worker.ports import Policy, Scorer
from autoflow_worker.remote import RemoteGenerator, RemoteInterpreter, RemoteScorer, RemoteTrainer
from autoflow_worker.settings import WorkerSettings
from autoflow_worker.spec import RunSpec
from autoflow_worker.worker import work

_SCORE_BATCH = 512
"""Answers that are compared with plans in one call."""

PolicyLoader = Callable[[RunSpec], Policy]
"""Reads the untrained policy of a run; blocks."""


async def work_on(
    run: str,
    settings: WorkerSettings,
    load_policy: PolicyLoader | None = None,
    retry: Retry | None = None,
) -> None:
    """Does one run over the services that the settings name.

    Args:
        run: `runs/<id>`.
        settings: where everything is.
        load_policy: how the policy is read. Default: the embedded model, with torch.
        retry: what is done about calls that fail.

    Raises:
        LeaseLost: the run is another worker's.
        CallFailed: the trainer, or a service that the work needs, could not serve.
    """
    retry = retry or Retry()
    load_policy = load_policy or partial(load_lora_policy, settings=settings)
    services = Client(
        generator=settings.generator_address,
        interpreter=settings.interpreter_address,
        scorer=settings.scorer_address,
    )
    trainer_client = RunWorkerClient(settings.trainer_address, settings.run_token)
    async with services, trainer_client as trainer, AsyncExitStack() as closing:
        prepare = partial(
            _prepare,
            settings=settings,
            services=services,
            closing=closing,
            load_policy=load_policy,
            retry=retry,
        )
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


def _prepare(
    grant: Grant,
    journal: Journal,
    *,
    settings: WorkerSettings,
    services: Client,
    closing: AsyncExitStack,
    load_policy: PolicyLoader,
    retry: Retry,
) -> OptimizationJob:
    spec = grant.read_spec()
    suite = load_suite(spec.suite)
    scorer: Scorer = RemoteScorer(services.scorer, suite)
    score_batch = _SCORE_BATCH
    if spec.executed_rewards:
        scorer = executed = ExecutedScorer(services.interpreter, services.scorer, suite)
        closing.push_async_callback(executed.close)
        # Tools work while the model still answers for others.
        score_batch = 1
    interpreter = RemoteInterpreter(services.interpreter, spec.interpreter, spec.interpreter_adapter, suite)
    meter = Meter(spec.budget, grant.spent)
    context = Context(
        spec=spec,
        suite=suite,
        generator=RemoteGenerator(services.generator, spec.generator, suite, spec.training),
        evaluator=Evaluator(
            interpreter,
            scorer,
            meter,
            retry=retry,
            concurrency=settings.worker_executions,
            score_batch=score_batch,
        ),
        meter=meter,
        journal=journal,
        retry=retry,
    )
    checkpoints = Checkpoints(ArtifactStore(settings.artifacts))
    return OptimizationJob(context, scorer, checkpoints, partial(load_policy, spec), grant.checkpoint)

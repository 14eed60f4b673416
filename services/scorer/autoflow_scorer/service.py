"""Wires the scorer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from autoflow.concurrency import gather
from autoflow.images import ImageLimits
from autoflow.model_store import ModelStore
from autoflow.server import Endpoint, Service
from autoflow.settings import SettingsError, from_env
from autoflow.v1.scorer_service_pb2_grpc import add_ScorerServiceServicer_to_server
from autoflow_scorer.batching import Limits
from autoflow_scorer.engine.cache import EmbeddingCache
from autoflow_scorer.metrics import Metric, plan_metrics, text_metrics
from autoflow_scorer.metrics.catalogue import NeuralSpec, read_metrics
from autoflow_scorer.metrics.judging import Judge
from autoflow_scorer.metrics.neural import Machinery, NeuralMetric
from autoflow_scorer.observing import Observer
from autoflow_scorer.scoring import Scorer
from autoflow_scorer.servicer import ScorerServicer
from autoflow_scorer.settings import ScorerSettings

JudgeLoader = Callable[[NeuralSpec, ScorerSettings], Judge]
"""Loads the model of a metric, in a thread."""


def build(env: Mapping[str, str], load: JudgeLoader | None = None) -> Service:
    """Wires the service as the environment wants it.

    Args:
        env: its variables.
        load: how models are loaded. Default: from folders and hubs, with torch.

    Raises:
        SettingsError: a variable cannot be read, or the file of metrics.
    """
    settings = from_env(ScorerSettings, env)
    executor = ThreadPoolExecutor(1, thread_name_prefix="scorer")
    observer = Observer()
    neural = _neural_metrics(settings, executor, observer, load or _load)
    preload = _preload(settings, neural)
    plain = [*plan_metrics(), *text_metrics()]
    _refuse_taken_names(plain, neural)

    async def start() -> None:
        observer.start({metric.description.name: metric.waiting for metric in neural})
        await gather(metric.load(warm_up=settings.scorer_warm_up) for metric in preload)

    async def stop() -> None:
        await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)

    return replace(wire([*plain, *neural]), start=start, stop=stop)


def wire(metrics: Iterable[Metric]) -> Service:
    """Wires the service around metrics."""
    register = partial(add_ScorerServiceServicer_to_server, ScorerServicer(Scorer(metrics)))
    return Service(name="scorer", endpoints=(Endpoint("autoflow.v1.ScorerService", register),))


def _neural_metrics(
    settings: ScorerSettings, executor: ThreadPoolExecutor, observer: Observer, load: JudgeLoader
) -> list[NeuralMetric]:
    machinery = Machinery(
        executor=executor,
        models=ModelStore(settings.scorer_models_mib << 20),
        cache=EmbeddingCache(settings.scorer_cache_mib << 20),
        limits=Limits(settings.scorer_batch_tokens, settings.scorer_linger, settings.scorer_waiting_tokens),
        observer=observer,
    )
    return [
        NeuralMetric(spec.describe(), partial(load, spec, settings), machinery)
        for spec in read_metrics(settings.metrics)
    ]


def _load(spec: NeuralSpec, settings: ScorerSettings) -> Judge:
    # Imports torch, which takes seconds that a scorer of plans need not wait for.
    from autoflow_scorer.metrics.judges import load_judge

    images = ImageLimits(max_pixels=settings.scorer_max_pixels)
    return load_judge(spec, settings.scorer_device, settings.scorer_dtype, images)


def _refuse_taken_names(plain: Iterable[Metric], neural: Iterable[Metric]) -> None:
    taken = {metric.description.name for metric in plain}
    for metric in neural:
        if metric.description.name in taken:
            raise SettingsError(
                f"AUTOFLOW_METRICS: {metric.description.name!r} is the name of a metric without a model; "
                "choose another"
            )


def _preload(settings: ScorerSettings, metrics: Iterable[NeuralMetric]) -> list[NeuralMetric]:
    by_name = {metric.description.name: metric for metric in metrics}
    if settings.scorer_preload == "all":
        return list(by_name.values())
    names = [name.strip() for name in settings.scorer_preload.split(",") if name.strip()]
    try:
        return [by_name[name] for name in names]
    except KeyError as error:
        known = ", ".join(by_name)
        raise SettingsError(
            f"AUTOFLOW_SCORER_PRELOAD: no metric is named {error.args[0]!r}; there are: {known}"
        ) from None

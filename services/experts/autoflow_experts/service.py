"""Wires the experts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

from autoflow.admission import Admission
from autoflow.images import ImageLimits
from autoflow.model_store import ModelStore
from autoflow.server import Endpoint, Service
from autoflow.settings import SettingsError, from_env
from autoflow.suites import Tool
from autoflow.v1.tool_service_pb2_grpc import add_ToolServiceServicer_to_server
from autoflow_experts.cache import ResultCache
from autoflow_experts.calling import Experts
from autoflow_experts.classic import classic_experts
from autoflow_experts.classic.seeing.eye import Eye
from autoflow_experts.experts import Expert
from autoflow_experts.pretrained.expert import Network, PretrainedExpert
from autoflow_experts.servicer import ToolServicer
from autoflow_experts.settings import ExpertsSettings


def build(env: Mapping[str, str]) -> Service:
    """Wires the service as the environment wants it.

    Raises:
        SettingsError: a variable cannot be read, or the file of experts.
    """
    settings = from_env(ExpertsSettings, env)
    eye = Eye()
    limits = ImageLimits(max_pixels=settings.experts_max_pixels)
    classic = {expert.tool.name: expert for expert in classic_experts(limits, eye)}
    pretrained = _pretrained(settings, limits, [expert.tool for expert in classic.values()])
    experts: Mapping[str, Expert] = {**classic, **pretrained}

    async def start() -> None:
        # What pictures are compared with takes seconds to draw, which no caller should wait for.
        await asyncio.to_thread(eye.memory)

    return replace(wire(experts.values(), settings), start=start)


def wire(experts: Iterable[Expert], settings: ExpertsSettings) -> Service:
    """Wires the service around experts."""
    executor = ThreadPoolExecutor(settings.experts_threads, thread_name_prefix="experts")
    calls = Admission(settings.experts_max_calls, "calls")
    cache = ResultCache(settings.experts_cache_bytes)
    servicer = ToolServicer(Experts(experts, executor, calls, cache))

    async def stop() -> None:
        await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)

    register = partial(add_ToolServiceServicer_to_server, servicer)
    return Service(name="experts", endpoints=(Endpoint("autoflow.v1.ToolService", register),), stop=stop)


def _pretrained(
    settings: ExpertsSettings, limits: ImageLimits, tools: Iterable[Tool]
) -> dict[str, PretrainedExpert]:
    if not settings.experts_file:
        return {}
    if not all(find_spec(module) for module in ("pydantic", "torch", "transformers", "yaml")):
        raise SettingsError(
            "AUTOFLOW_EXPERTS_FILE: models need torch: pip install 'autoflow-services[experts-pretrained]'"
        )
    from autoflow_experts.pretrained.catalogue import DTYPES, ModelSpec, read_experts

    if settings.experts_dtype not in DTYPES:
        known = ", ".join(DTYPES)
        raise SettingsError(f"AUTOFLOW_EXPERTS_DTYPE: {settings.experts_dtype} is none of {known}")

    def load(spec: ModelSpec) -> Network:
        # Imports torch, which takes seconds that a service whose models nobody asks for need not wait for.
        from autoflow_experts.pretrained.networks.load import Machine, load_network

        machine = Machine(
            settings.experts_device, settings.experts_dtype, settings.experts_batch_tokens, limits
        )
        return load_network(spec, machine)

    models: ModelStore[Network] = ModelStore(settings.experts_models_mib << 20)
    by_name = {tool.name: tool for tool in tools}
    return {
        name: PretrainedExpert(by_name[name], spec.name, partial(load, spec), models)
        for name, spec in read_experts(settings.experts_file).items()
    }

"""Wires the experts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from autoflow.admission import Admission
from autoflow.images import ImageLimits
from autoflow.server import Endpoint, Service
from autoflow.settings import from_env
from autoflow.v1.tool_service_pb2_grpc import add_ToolServiceServicer_to_server
from autoflow_experts.cache import ResultCache
from autoflow_experts.calling import Experts
from autoflow_experts.classic import classic_experts
from autoflow_experts.classic.seeing.eye import Eye
from autoflow_experts.experts import Expert
from autoflow_experts.servicer import ToolServicer
from autoflow_experts.settings import ExpertsSettings


def build(env: Mapping[str, str]) -> Service:
    """Wires the service as the environment wants it.

    Raises:
        SettingsError: a variable cannot be read.
    """
    settings = from_env(ExpertsSettings, env)
    eye = Eye()
    experts = classic_experts(ImageLimits(max_pixels=settings.experts_max_pixels), eye)

    async def start() -> None:
        # What pictures are compared with takes seconds to draw, which no caller should wait for.
        await asyncio.to_thread(eye.memory)

    return replace(wire(experts, settings), start=start)


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

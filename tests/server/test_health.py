"""Health tells the truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from autoflow.llm.catalogue import Catalogue, Entry
from autoflow.server import Listener, ServerSettings, Service, serve
from autoflow.testing import ScriptedModel, catalogue_of, scripted_scorer, serving
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse
from autoflow_interpreter.service import build

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SETTINGS = ServerSettings(address="127.0.0.1:0", health_interval=0.01)
NAMES = ["", "autoflow.v1.ScorerService"]


async def answer(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
    return ScoreOutputsResponse()


class Patient:
    """A service that is as well as it is told to be."""

    def __init__(self) -> None:
        self.well = True
        self.error: Exception | None = None
        self.silent = False

    async def ready(self) -> bool:
        if self.silent:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.well

    def service(self) -> Service:
        return Service("scorer", (scripted_scorer(answer),), ready=self.ready)


async def statuses(address: str, name: str) -> AsyncGenerator[int]:
    """Every change of the health, as a stream of its own tells it."""
    async with grpc.aio.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=name)
        async for response in health_pb2_grpc.HealthStub(channel).Watch(request, timeout=30):
            yield response.status


@pytest.mark.parametrize("name", NAMES)
async def test_health_follows_the_service(name: str) -> None:
    patient = Patient()
    async with serving(patient.service(), SETTINGS) as address:
        health = statuses(address, name)
        assert await anext(health) == SERVING
        patient.well = False
        assert await anext(health) == NOT_SERVING
        patient.well = True
        assert await anext(health) == SERVING
        patient.error = ConnectionError("the model is gone")
        assert await anext(health) == NOT_SERVING
        patient.error = None
        assert await anext(health) == SERVING
        patient.silent = True
        assert await anext(health) == NOT_SERVING


async def test_health_is_not_serving_until_the_service_has_started() -> None:
    release = asyncio.Event()

    async def start() -> None:
        await release.wait()

    listener = Listener(SETTINGS)
    service = Service("scorer", (scripted_scorer(answer),), start=start)
    async with asyncio.TaskGroup() as group:
        starting = group.create_task(listener.serve(service))
        health = statuses(listener.address, "autoflow.v1.ScorerService")
        assert await anext(health) == NOT_SERVING
        release.set()
        async with await starting:
            assert await anext(health) == SERVING


async def test_a_service_that_never_was_ready_is_not_serving() -> None:
    patient = Patient()
    patient.well = False
    async with serving(patient.service(), SETTINGS) as address:
        assert await anext(statuses(address, "")) == NOT_SERVING


async def test_a_model_that_has_died_is_loaded_anew_by_the_health_check() -> None:
    made: list[ScriptedModel] = []
    release = asyncio.Event()

    async def load() -> ScriptedModel:
        if made:
            await release.wait()
        made.append(ScriptedModel(lambda _: "words"))
        return made[-1]

    (described,) = catalogue_of(ScriptedModel(lambda _: "")).descriptions
    catalogue = Catalogue([Entry(described, load)], preload=[described.name])
    async with serving(build({}, catalogue), SETTINGS) as address:
        health = statuses(address, "autoflow.v1.InterpreterService")
        assert await anext(health) == SERVING
        await made[0].close()
        assert await anext(health) == NOT_SERVING
        release.set()
        assert await anext(health) == SERVING

    assert len(made) == 2


async def test_health_is_not_serving_while_the_server_drains() -> None:
    async with await serve(Patient().service(), SETTINGS) as server, asyncio.TaskGroup() as group:
        health = statuses(server.address, "")
        assert await anext(health) == SERVING
        # The stream is a call in flight, so the drain waits for it.
        group.create_task(server.stop(grace=30))
        assert await anext(health) == NOT_SERVING
        await health.aclose()

"""Tools that speak gRPC find out what a server offers."""

from __future__ import annotations

import grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from autoflow.server import Service
from autoflow.testing import scripted_scorer, serving
from autoflow.v1.scorer_service_pb2 import ScoreOutputsRequest, ScoreOutputsResponse


async def answer(_: ScoreOutputsRequest) -> ScoreOutputsResponse:
    return ScoreOutputsResponse()


async def test_reflection_lists_what_is_served() -> None:
    async with (
        serving(Service("scorer", (scripted_scorer(answer),))) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(timeout=30)
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        response = await call.read()
        await call.done_writing()

    assert {service.name for service in response.list_services_response.service} == {
        "autoflow.v1.ScorerService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }

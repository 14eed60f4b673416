from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import pytest

from autoflow.client import Client
from autoflow.client.generator import GeneratorClient
from autoflow.llm import LanguageModel
from autoflow.testing import catalogue_of, serving
from autoflow.v1 import generator_service_pb2 as pb
from autoflow.v1 import model_pb2
from autoflow_generator import build

Generating: TypeAlias = Callable[..., AbstractAsyncContextManager[GeneratorClient]]
Request: TypeAlias = Callable[..., pb.GenerateWorkflowsRequest]


@pytest.fixture
def generating() -> Generating:
    """Serves a generator with the given models; keywords are settings."""

    @asynccontextmanager
    async def serve(*models: LanguageModel, **settings: object) -> AsyncIterator[GeneratorClient]:
        env = {f"AUTOFLOW_{name.upper()}": str(value) for name, value in settings.items()}
        async with serving(build(env, catalogue_of(*models))) as address, Client(generator=address) as client:
            yield client.generator

    return serve


@pytest.fixture
def request_for() -> Request:
    """Makes a request for candidates; keywords are fields of the request."""

    def make(
        count: int = 1, *, model: str = "scripted", adapter: str = "", **fields: object
    ) -> pb.GenerateWorkflowsRequest:
        return pb.GenerateWorkflowsRequest(
            model=model_pb2.ModelRef(model=model, adapter=adapter),
            goal="Plan which models to run",
            count=count,
            **fields,  # type: ignore[arg-type]
        )

    return make

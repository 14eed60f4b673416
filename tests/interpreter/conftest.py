from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from autoflow.client import Client, ClientSettings, RetrySettings
from autoflow.client.interpreter import InterpreterClient
from autoflow.llm import Embedder, LanguageModel
from autoflow.testing import ScriptedTools, catalogue_of, serving
from autoflow.v1 import interpreter_service_pb2 as pb
from autoflow.v1 import model_pb2, workflow_pb2
from autoflow_interpreter import build

Interpreting: TypeAlias = Callable[..., AbstractAsyncContextManager[InterpreterClient]]
Request: TypeAlias = Callable[..., pb.ExecuteWorkflowRequest]


@pytest.fixture
def interpreting(tmp_path: Path) -> Interpreting:
    """Serves an interpreter with the given models and providers of tools; keywords are settings.

    A provider may also be the address of one that the test serves, or not. `patience` is the client's,
    `context_tokens` what the catalogue states of each model.
    """

    @asynccontextmanager
    async def serve(
        *models: LanguageModel,
        tools: Sequence[ScriptedTools | str] = (),
        patience: RetrySettings | None = None,
        embedder: Embedder | None = None,
        context_tokens: int = 0,
        **settings: object,
    ) -> AsyncIterator[InterpreterClient]:
        env = {f"AUTOFLOW_{name.upper()}": str(value) for name, value in settings.items()}
        async with AsyncExitStack() as stack:
            addresses = [
                one if isinstance(one, str) else await stack.enter_async_context(serving(one.service))
                for one in tools
            ]
            env["AUTOFLOW_TOOL_PROVIDERS"] = ", ".join(addresses)
            env.setdefault("AUTOFLOW_INTERPRETER_DATA", str(tmp_path))
            catalogue = catalogue_of(*models, embedder=embedder, context_tokens=context_tokens)
            address = await stack.enter_async_context(serving(build(env, catalogue)))
            client = Client(interpreter=address, settings=ClientSettings(retry=patience or RetrySettings()))
            yield (await stack.enter_async_context(client)).interpreter

    return serve


@pytest.fixture
def request_for() -> Request:
    """Makes a request for a workflow's text; keywords are fields of the request."""

    def make(
        source: str, *, model: str = "scripted", adapter: str = "", **fields: object
    ) -> pb.ExecuteWorkflowRequest:
        return pb.ExecuteWorkflowRequest(
            workflow=workflow_pb2.Workflow(source=source),
            query="Describe a noisy picture",
            model=model_pb2.ModelRef(model=model, adapter=adapter),
            **fields,  # type: ignore[arg-type]
        )

    return make

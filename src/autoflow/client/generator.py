"""The client of the service that writes workflows."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import grpc

from autoflow.client._calls import Calls
from autoflow.client.settings import ClientSettings
from autoflow.v1.generator_service_pb2 import (
    FormatWorkflowRequest,
    FormatWorkflowResponse,
    GenerateWorkflowsRequest,
    GenerateWorkflowsResponse,
    LintWorkflowRequest,
    LintWorkflowResponse,
    ListModelsRequest,
    ListModelsResponse,
    RefineWorkflowRequest,
    RefineWorkflowResponse,
    RepairWorkflowRequest,
    RepairWorkflowResponse,
)
from autoflow.v1.generator_service_pb2_grpc import GeneratorServiceStub

FULL_NAME = "autoflow.v1.GeneratorService"


class GeneratorClient:
    """Calls GeneratorService.

    Every method raises an `autoflow.client.errors.RpcError` where the call fails. `timeout` is in seconds;
    without it the settings' own counts. A stream is cancelled by closing its generator
    (`contextlib.aclosing`), which whoever leaves early has to do.

    Args:
        channel: to the service.
        settings: the deadlines.
    """

    def __init__(self, channel: grpc.aio.Channel, settings: ClientSettings) -> None:
        self._stub = GeneratorServiceStub(channel)
        self._calls = Calls(FULL_NAME, settings)

    def generate_workflows(
        self, request: GenerateWorkflowsRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[GenerateWorkflowsResponse]:
        """Draws candidates; yields `started`, then each as it finishes."""
        return self._calls.stream(self._stub.GenerateWorkflows, "GenerateWorkflows", request, timeout)

    def refine_workflow(
        self, request: RefineWorkflowRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[RefineWorkflowResponse]:
        """Draws successors of workflows; yields `started`, then each as it finishes."""
        return self._calls.stream(self._stub.RefineWorkflow, "RefineWorkflow", request, timeout)

    async def lint_workflow(
        self, request: LintWorkflowRequest, *, timeout: float | None = None
    ) -> LintWorkflowResponse:
        """Parses and lints a text."""
        return await self._calls.unary(self._stub.LintWorkflow, "LintWorkflow", request, timeout)

    async def format_workflow(
        self, request: FormatWorkflowRequest, *, timeout: float | None = None
    ) -> FormatWorkflowResponse:
        """Writes a text in canonical form."""
        return await self._calls.unary(self._stub.FormatWorkflow, "FormatWorkflow", request, timeout)

    async def repair_workflow(
        self, request: RepairWorkflowRequest, *, timeout: float | None = None
    ) -> RepairWorkflowResponse:
        """Mends what can be mended without guessing."""
        return await self._calls.unary(self._stub.RepairWorkflow, "RepairWorkflow", request, timeout)

    async def list_models(
        self, request: ListModelsRequest, *, timeout: float | None = None
    ) -> ListModelsResponse:
        """Lists the models that requests may name, and what is stated about each."""
        return await self._calls.unary(self._stub.ListModels, "ListModels", request, timeout)

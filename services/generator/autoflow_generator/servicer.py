"""The generator on the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc

from autoflow.language import check, repair
from autoflow.v1 import generator_service_pb2, generator_service_pb2_grpc
from autoflow_generator.convert import (
    format_to_proto,
    generated_to_proto,
    generation_from_proto,
    lint_to_proto,
    models_to_proto,
    refined_to_proto,
    refinement_from_proto,
    repair_to_proto,
)
from autoflow_generator.generation import WorkflowGenerator


class GeneratorServicer(generator_service_pb2_grpc.GeneratorServiceServicer):
    """Answers GeneratorService.

    Args:
        generator: what does the work.
        max_tokens: the limit of a candidate, where a request gives none.
    """

    def __init__(self, generator: WorkflowGenerator, *, max_tokens: int) -> None:
        self._generator = generator
        self._max_tokens = max_tokens

    async def GenerateWorkflows(
        self,
        request: generator_service_pb2.GenerateWorkflowsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncGenerator[generator_service_pb2.GenerateWorkflowsResponse, None]:
        """Draws candidates and streams each as it finishes."""
        wanted = generation_from_proto(request, max_tokens=self._max_tokens)
        async with aclosing(self._generator.generate(wanted)) as events:
            async for event in events:
                yield generated_to_proto(event)

    async def RefineWorkflow(
        self,
        request: generator_service_pb2.RefineWorkflowRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncGenerator[generator_service_pb2.RefineWorkflowResponse, None]:
        """Draws successors of workflows and streams each as it finishes."""
        wanted = refinement_from_proto(request, max_tokens=self._max_tokens)
        async with aclosing(self._generator.refine(wanted)) as events:
            async for event in events:
                yield refined_to_proto(event)

    async def LintWorkflow(
        self,
        request: generator_service_pb2.LintWorkflowRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> generator_service_pb2.LintWorkflowResponse:
        """Parses and lints a text."""
        return lint_to_proto(request.workflow.source, check(request.workflow.source))

    async def FormatWorkflow(
        self,
        request: generator_service_pb2.FormatWorkflowRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> generator_service_pb2.FormatWorkflowResponse:
        """Writes a text in canonical form."""
        return format_to_proto(request.workflow.source, check(request.workflow.source))

    async def RepairWorkflow(
        self,
        request: generator_service_pb2.RepairWorkflowRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> generator_service_pb2.RepairWorkflowResponse:
        """Mends what can be mended without guessing."""
        return repair_to_proto(repair(request.workflow.source))

    async def ListModels(
        self,
        request: generator_service_pb2.ListModelsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> generator_service_pb2.ListModelsResponse:
        """Lists the models that requests may name."""
        return models_to_proto(self._generator.models)

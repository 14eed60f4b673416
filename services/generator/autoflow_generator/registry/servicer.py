"""The registry on the wire."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

from autoflow.v1 import registry_service_pb2 as pb
from autoflow.v1 import registry_service_pb2_grpc
from autoflow_generator.registry.convert import (
    alias_to_proto,
    change_to_proto,
    new_version_from_proto,
    promotion_from_proto,
    registered_to_proto,
    rollback_from_proto,
    version_to_proto,
)
from autoflow_generator.registry.model import Reference
from autoflow_generator.registry.registry import WorkflowRegistry

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class RegistryServicer(registry_service_pb2_grpc.RegistryServiceServicer):
    """Answers RegistryService.

    Args:
        registry: what does the work.
    """

    def __init__(self, registry: WorkflowRegistry) -> None:
        self._registry = registry

    async def CreateWorkflowVersion(
        self, request: pb.CreateWorkflowVersionRequest, context: Context
    ) -> pb.CreateWorkflowVersionResponse:
        """Adds a version."""
        version = await self._registry.create(new_version_from_proto(request))
        return pb.CreateWorkflowVersionResponse(version=version_to_proto(version))

    async def GetWorkflowVersion(
        self, request: pb.GetWorkflowVersionRequest, context: Context
    ) -> pb.GetWorkflowVersionResponse:
        """Returns a version."""
        version = await self._registry.get(Reference.read(request.name))
        return pb.GetWorkflowVersionResponse(version=version_to_proto(version))

    async def ListWorkflowVersions(
        self, request: pb.ListWorkflowVersionsRequest, context: Context
    ) -> pb.ListWorkflowVersionsResponse:
        """Returns a page of versions."""
        parent = Reference.read(request.parent)
        page = await self._registry.versions(parent, request.page_size, request.page_token)
        return pb.ListWorkflowVersionsResponse(
            versions=map(version_to_proto, page.items), next_page_token=page.next_page_token
        )

    async def ListWorkflows(
        self, request: pb.ListWorkflowsRequest, context: Context
    ) -> pb.ListWorkflowsResponse:
        """Returns a page of registered workflows."""
        page = await self._registry.workflows(request.page_size, request.page_token)
        return pb.ListWorkflowsResponse(
            workflows=map(registered_to_proto, page.items), next_page_token=page.next_page_token
        )

    async def PromoteWorkflow(
        self, request: pb.PromoteWorkflowRequest, context: Context
    ) -> pb.PromoteWorkflowResponse:
        """Points an alias at a version."""
        change = await self._registry.move(promotion_from_proto(request))
        return pb.PromoteWorkflowResponse(alias=alias_to_proto(change.moved), change=change_to_proto(change))

    async def RollbackAlias(
        self, request: pb.RollbackAliasRequest, context: Context
    ) -> pb.RollbackAliasResponse:
        """Points an alias back."""
        change = await self._registry.move(rollback_from_proto(request))
        return pb.RollbackAliasResponse(alias=alias_to_proto(change.moved), change=change_to_proto(change))

    async def ListAliases(self, request: pb.ListAliasesRequest, context: Context) -> pb.ListAliasesResponse:
        """Returns a page of aliases."""
        parent = Reference.read(request.parent) if request.parent else None
        page = await self._registry.aliases(parent, request.page_size, request.page_token)
        return pb.ListAliasesResponse(
            aliases=map(alias_to_proto, page.items), next_page_token=page.next_page_token
        )

    async def ListAliasChanges(
        self, request: pb.ListAliasChangesRequest, context: Context
    ) -> pb.ListAliasChangesResponse:
        """Returns a page of the changes of aliases."""
        parent = Reference.read(request.parent)
        page = await self._registry.changes(parent, request.page_size, request.page_token)
        return pb.ListAliasChangesResponse(
            changes=map(change_to_proto, page.items), next_page_token=page.next_page_token
        )

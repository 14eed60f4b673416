"""The client of the service that keeps workflows."""

from __future__ import annotations

import uuid
from typing import TypeVar

import grpc

from autoflow.client._calls import Calls
from autoflow.client.settings import ClientSettings
from autoflow.v1.registry_service_pb2 import (
    CreateWorkflowVersionRequest,
    CreateWorkflowVersionResponse,
    GetWorkflowVersionRequest,
    GetWorkflowVersionResponse,
    ListAliasChangesRequest,
    ListAliasChangesResponse,
    ListAliasesRequest,
    ListAliasesResponse,
    ListWorkflowsRequest,
    ListWorkflowsResponse,
    ListWorkflowVersionsRequest,
    ListWorkflowVersionsResponse,
    PromoteWorkflowRequest,
    PromoteWorkflowResponse,
    RollbackAliasRequest,
    RollbackAliasResponse,
)
from autoflow.v1.registry_service_pb2_grpc import RegistryServiceStub

FULL_NAME = "autoflow.v1.RegistryService"

ChangingT = TypeVar("ChangingT", CreateWorkflowVersionRequest, PromoteWorkflowRequest, RollbackAliasRequest)


class RegistryClient:
    """Calls RegistryService, which the generator serves.

    Every method raises an `autoflow.client.errors.RpcError` where the call fails. `timeout` is in seconds;
    without it the settings' own counts. A request that changes something and has no `request_id` gets a fresh
    one, so that the call's own retries change it once.

    Args:
        channel: to the service.
        settings: the deadlines.
    """

    def __init__(self, channel: grpc.aio.Channel, settings: ClientSettings) -> None:
        self._stub = RegistryServiceStub(channel)
        self._calls = Calls(FULL_NAME, settings)

    async def create_workflow_version(
        self, request: CreateWorkflowVersionRequest, *, timeout: float | None = None
    ) -> CreateWorkflowVersionResponse:
        """Adds a version to a registered workflow, which the first version creates."""
        return await self._calls.unary(
            self._stub.CreateWorkflowVersion, "CreateWorkflowVersion", _identified(request), timeout
        )

    async def get_workflow_version(
        self, request: GetWorkflowVersionRequest, *, timeout: float | None = None
    ) -> GetWorkflowVersionResponse:
        """Returns a version: by its number, by an alias, or the newest."""
        return await self._calls.unary(self._stub.GetWorkflowVersion, "GetWorkflowVersion", request, timeout)

    async def list_workflow_versions(
        self, request: ListWorkflowVersionsRequest, *, timeout: float | None = None
    ) -> ListWorkflowVersionsResponse:
        """Returns a page of versions, the newest first."""
        return await self._calls.unary(
            self._stub.ListWorkflowVersions, "ListWorkflowVersions", request, timeout
        )

    async def list_workflows(
        self, request: ListWorkflowsRequest, *, timeout: float | None = None
    ) -> ListWorkflowsResponse:
        """Returns a page of registered workflows, by name."""
        return await self._calls.unary(self._stub.ListWorkflows, "ListWorkflows", request, timeout)

    async def promote_workflow(
        self, request: PromoteWorkflowRequest, *, timeout: float | None = None
    ) -> PromoteWorkflowResponse:
        """Points an alias at a version.

        Raises:
            Aborted: the alias does not point at `expected_version`; the message says where it does.
        """
        return await self._calls.unary(
            self._stub.PromoteWorkflow, "PromoteWorkflow", _identified(request), timeout
        )

    async def rollback_alias(
        self, request: RollbackAliasRequest, *, timeout: float | None = None
    ) -> RollbackAliasResponse:
        """Points an alias back at the version from which its last promotion moved it.

        Raises:
            Aborted: the alias does not point at `expected_version`; the message says where it does.
            FailedPrecondition: there is no earlier promotion.
        """
        return await self._calls.unary(
            self._stub.RollbackAlias, "RollbackAlias", _identified(request), timeout
        )

    async def list_aliases(
        self, request: ListAliasesRequest, *, timeout: float | None = None
    ) -> ListAliasesResponse:
        """Returns a page of aliases, by name."""
        return await self._calls.unary(self._stub.ListAliases, "ListAliases", request, timeout)

    async def list_alias_changes(
        self, request: ListAliasChangesRequest, *, timeout: float | None = None
    ) -> ListAliasChangesResponse:
        """Returns a page of the changes of aliases, the newest first."""
        return await self._calls.unary(self._stub.ListAliasChanges, "ListAliasChanges", request, timeout)


def _identified(request: ChangingT) -> ChangingT:
    if request.request_id:
        return request
    identified = type(request)(request_id=str(uuid.uuid4()))
    identified.MergeFrom(request)
    return identified

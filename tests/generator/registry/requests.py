"""Requests of the registry's tests."""

from __future__ import annotations

from autoflow.client.registry import RegistryClient
from autoflow.v1 import registry_service_pb2 as pb
from autoflow.v1.workflow_pb2 import Workflow


def text(about: str) -> str:
    """A workflow's text."""
    return f"Step 1:::process:::Think about {about}.:::next::Step 2\nStep 2:::terminal:::Answer."


def creation(
    workflow: str, source: str, request_id: str = "", **fields: object
) -> pb.CreateWorkflowVersionRequest:
    """A version to add; keywords are fields of it."""
    version = pb.WorkflowVersion(workflow=Workflow(source=source), **fields)  # type: ignore[arg-type]
    return pb.CreateWorkflowVersionRequest(parent=workflow, version=version, request_id=request_id)


async def create(
    registry: RegistryClient, workflow: str, source: str, request_id: str = ""
) -> pb.WorkflowVersion:
    """Adds a version."""
    return (await registry.create_workflow_version(creation(workflow, source, request_id))).version


async def get(registry: RegistryClient, name: str) -> pb.WorkflowVersion:
    """A version."""
    return (await registry.get_workflow_version(pb.GetWorkflowVersionRequest(name=name))).version


async def promote(
    registry: RegistryClient,
    name: str,
    expected: int,
    *,
    alias: str = "production",
    reason: str = "",
    request_id: str = "",
) -> pb.PromoteWorkflowResponse:
    """Points an alias at a version."""
    return await registry.promote_workflow(
        pb.PromoteWorkflowRequest(
            name=name, alias=alias, expected_version=expected, reason=reason, request_id=request_id
        )
    )


async def roll_back(
    registry: RegistryClient, name: str, expected: int, *, reason: str = "", request_id: str = ""
) -> pb.RollbackAliasResponse:
    """Points an alias back."""
    return await registry.rollback_alias(
        pb.RollbackAliasRequest(name=name, expected_version=expected, reason=reason, request_id=request_id)
    )


async def history(registry: RegistryClient, parent: str) -> list[tuple[int, int]]:
    """From where to where aliases were moved, the oldest first."""
    changes = (
        await registry.list_alias_changes(pb.ListAliasChangesRequest(parent=parent, page_size=1000))
    ).changes
    return [(change.from_version, change.to_version) for change in reversed(changes)]

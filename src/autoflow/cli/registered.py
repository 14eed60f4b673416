"""The texts of registered workflows, for commands that take them in the place of files."""

from __future__ import annotations

from autoflow.cli.names import workflow_reference
from autoflow.cli.reaching import registry_at
from autoflow.v1.registry_service_pb2 import GetWorkflowVersionRequest, WorkflowVersion


async def registered_version(address: str, reference: str, option: str = "") -> WorkflowVersion:
    """Asks a registry for a workflow.

    Args:
        address: of the generator, which keeps the registry.
        reference: such as `planner@3`, `planner@production`, or `planner` for the newest version.
        option: as `autoflow.cli.reaching.reaching`.

    Raises:
        CommandFailed: no workflow can be called so, or nothing answers there.
        NotFound: it is not there.
    """
    name = workflow_reference(reference)
    async with registry_at(address, option) as registry:
        return (await registry.get_workflow_version(GetWorkflowVersionRequest(name=name))).version

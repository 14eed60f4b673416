"""What `autoflow workflows` lists, shows and creates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import typer

from autoflow.cli.commands.show import WRITERS, Format
from autoflow.cli.console import Output
from autoflow.cli.names import workflow_reference
from autoflow.cli.reaching import registry_at
from autoflow.cli.source import read_source
from autoflow.cli.wire import to_json
from autoflow.cli.workflows.tables import changes_table, version_view, versions_table, workflows_table
from autoflow.language import check
from autoflow.v1 import registry_service_pb2 as pb
from autoflow.v1 import workflow_pb2

T = TypeVar("T")

_PAGE = 100


async def list_workflows(address: str, limit: int, output: Output) -> None:
    """Prints registered workflows by name."""
    async with registry_at(address) as registry:

        async def page(size: int, token: str) -> tuple[Sequence[pb.RegisteredWorkflow], str]:
            found = await registry.list_workflows(pb.ListWorkflowsRequest(page_size=size, page_token=token))
            return found.workflows, found.next_page_token

        workflows = await _gathered(page, limit)
    if output.json:
        output.document({"workflows": [to_json(workflow) for workflow in workflows]})
    elif workflows:
        output.result(workflows_table(workflows))
    else:
        output.note("no workflow is registered; `autoflow workflows create` does it")


async def list_versions(address: str, workflow: str, limit: int, output: Output) -> None:
    """Prints the versions of a registered workflow, the newest first."""
    parent = workflow_reference(workflow, version=False)
    async with registry_at(address) as registry:

        async def page(size: int, token: str) -> tuple[Sequence[pb.WorkflowVersion], str]:
            request = pb.ListWorkflowVersionsRequest(parent=parent, page_size=size, page_token=token)
            found = await registry.list_workflow_versions(request)
            return found.versions, found.next_page_token

        versions = await _gathered(page, limit)
    if output.json:
        output.document({"versions": [to_json(version) for version in versions]})
    else:
        output.result(versions_table(versions))


async def show_version(address: str, reference: str, format: Format | None, output: Output) -> None:
    """Prints a version.

    Args:
        address: of the generator.
        reference: such as `planner@production`.
        format: None for all that is known; else its text or flowchart alone.
        output: where to print.
    """
    async with registry_at(address) as registry:
        request = pb.GetWorkflowVersionRequest(name=workflow_reference(reference))
        version = (await registry.get_workflow_version(request)).version
    if output.json:
        output.document(to_json(version))
    elif format is None:
        output.result(version_view(version))
    else:
        workflow = check(version.workflow.source).workflow
        # It was linted when it was created; canonical text and diagrams hold no control characters.
        typer.echo(WRITERS[format](workflow) if workflow else version.workflow.source, nl=False)


async def create_version(address: str, workflow: str, file: str, description: str, output: Output) -> None:
    """Adds a version and prints its name."""
    text = read_source(file).encode(errors="replace").decode()
    request = pb.CreateWorkflowVersionRequest(
        parent=workflow_reference(workflow, version=False),
        version=pb.WorkflowVersion(workflow=workflow_pb2.Workflow(source=text), description=description),
    )
    async with registry_at(address) as registry:
        version = (await registry.create_workflow_version(request)).version
    if output.json:
        output.document(to_json(version))
    else:
        output.line(version.name.removeprefix("workflows/"))


async def list_changes(address: str, workflow: str, limit: int, output: Output) -> None:
    """Prints the moves of aliases, the newest first."""
    parent = workflow_reference(workflow)
    async with registry_at(address) as registry:

        async def page(size: int, token: str) -> tuple[Sequence[pb.AliasChange], str]:
            request = pb.ListAliasChangesRequest(parent=parent, page_size=size, page_token=token)
            found = await registry.list_alias_changes(request)
            return found.changes, found.next_page_token

        changes = await _gathered(page, limit)
    if output.json:
        output.document({"changes": [to_json(change) for change in changes]})
    elif changes:
        output.result(changes_table(changes))
    else:
        output.note("no alias was moved")


async def _gathered(page: Callable[[int, str], Awaitable[tuple[Sequence[T], str]]], limit: int) -> list[T]:
    """The first entries of a list that comes in pages."""
    found: list[T] = []
    token = ""
    while len(found) < limit:
        entries, token = await page(min(limit - len(found), _PAGE), token)
        found += entries
        if not token:
            break
    return found

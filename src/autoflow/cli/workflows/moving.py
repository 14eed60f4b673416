"""Moves aliases."""

from __future__ import annotations

from autoflow.cli.console import Output, one_line
from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.names import workflow_reference
from autoflow.cli.reaching import registry_at
from autoflow.cli.wire import to_json
from autoflow.client import RegistryClient
from autoflow.client.errors import Aborted, NotFound
from autoflow.v1 import registry_service_pb2 as pb


async def promote_version(
    address: str, reference: str, alias: str, expected: int | None, reason: str, output: Output
) -> None:
    """Points an alias at a version and prints the move.

    Args:
        address: of the generator.
        reference: the version, such as `planner@3`.
        alias: such as `production`.
        expected: the version that it points at now, 0 for none; None: whatever it is when this begins.
        reason: for the history.
        output: where to print.

    Raises:
        CommandFailed: the alias does not point there, or was moved in between.
    """
    name = workflow_reference(reference)
    async with registry_at(address) as registry:
        if expected is None:
            expected = await _points_at(registry, f"{name.partition('@')[0]}@{alias}")
        request = pb.PromoteWorkflowRequest(name=name, alias=alias, expected_version=expected, reason=reason)
        try:
            moved = (await registry.promote_workflow(request)).change
        except Aborted as error:
            raise CommandFailed(one_line(error.message), ExitCode.NOT_OK) from None
    _tell(moved, output)


async def rollback_alias(address: str, reference: str, reason: str, output: Output) -> None:
    """Points an alias back and prints the move.

    Raises:
        CommandFailed: the alias was moved in between.
    """
    name = workflow_reference(reference)
    async with registry_at(address) as registry:
        expected = await _points_at(registry, name)
        request = pb.RollbackAliasRequest(name=name, expected_version=max(expected, 1), reason=reason)
        try:
            moved = (await registry.rollback_alias(request)).change
        except Aborted as error:
            raise CommandFailed(one_line(error.message), ExitCode.NOT_OK) from None
    _tell(moved, output)


async def _points_at(registry: RegistryClient, name: str) -> int:
    """The number of the version that an alias points at; 0 where there is no such alias."""
    try:
        version = (await registry.get_workflow_version(pb.GetWorkflowVersionRequest(name=name))).version
    except NotFound:
        return 0
    return int(version.name.rpartition("@")[2])


def _tell(change: pb.AliasChange, output: Output) -> None:
    if output.json:
        output.document(to_json(change))
        return
    before = f", and was at {change.from_version}" if change.from_version else ""
    alias = one_line(change.alias.removeprefix("workflows/"))
    output.line(f"{alias} points at version {change.to_version}{before}")

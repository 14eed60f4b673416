"""The registry's messages and its values, one into the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp

from autoflow.convert import workflow_to_proto
from autoflow.errors import InvalidArgument
from autoflow.language import parse
from autoflow.store.columns import storable
from autoflow.v1 import registry_service_pb2 as pb
from autoflow.v1 import run_pb2, workflow_pb2
from autoflow_generator.registry.model import (
    Alias,
    AliasChange,
    ChangeKind,
    Move,
    NewVersion,
    Reference,
    RegisteredWorkflow,
    Version,
)

_KINDS: Mapping[ChangeKind, pb.AliasChangeKind.ValueType] = MappingProxyType(
    {kind: pb.AliasChangeKind.Value(f"ALIAS_CHANGE_KIND_{kind.name}") for kind in ChangeKind}
)


_ROUNDING = 1e-9


def new_version_from_proto(message: pb.CreateWorkflowVersionRequest) -> NewVersion:
    """The version that is to be added; of its workflow the text alone is kept.

    Raises:
        InvalidArgument: a measurement is no mean of rewards.
    """
    given = message.version
    for place, measurement in enumerate(given.measurements):
        _require_rewards(measurement.value, f"version.measurements[{place}].value")
    kept = pb.WorkflowVersion(
        workflow=workflow_pb2.Workflow(source=given.workflow.source),
        measurements=given.measurements,
        description=given.description,
    )
    if given.HasField("lineage"):
        kept.lineage.CopyFrom(given.lineage)
    return NewVersion(
        Reference.read(message.parent).workflow,
        given.workflow.source,
        kept.SerializeToString(deterministic=True),
        message.request_id or None,
    )


def promotion_from_proto(message: pb.PromoteWorkflowRequest) -> Move:
    """A promotion that is wanted."""
    version = Reference.read(message.name)
    target = version.which if isinstance(version.which, int) else None
    return Move(
        ChangeKind.PROMOTION,
        version.workflow,
        message.alias,
        message.expected_version,
        target,
        storable(message.reason),
        message.request_id or None,
    )


def rollback_from_proto(message: pb.RollbackAliasRequest) -> Move:
    """A rollback that is wanted."""
    alias = Reference.read(message.name)
    return Move(
        ChangeKind.ROLLBACK,
        alias.workflow,
        str(alias.which),
        message.expected_version,
        None,
        storable(message.reason),
        message.request_id or None,
    )


def version_to_proto(version: Version) -> pb.WorkflowVersion:
    """A version, whole."""
    message = pb.WorkflowVersion.FromString(version.payload)
    source = message.workflow.source
    message.workflow.CopyFrom(workflow_to_proto(source, parse(source).workflow))
    # What lineages name it by, whatever a later release may call canonical.
    message.workflow.digest = version.digest
    message.name = version.name
    message.aliases.extend(version.aliases)
    message.create_time.CopyFrom(_timestamp(version.create_time))
    return message


def registered_to_proto(workflow: RegisteredWorkflow) -> pb.RegisteredWorkflow:
    """A registered workflow."""
    return pb.RegisteredWorkflow(
        name=workflow.name,
        newest_version=workflow.newest,
        aliases=map(alias_to_proto, workflow.aliases),
        create_time=_timestamp(workflow.create_time),
        update_time=_timestamp(workflow.update_time),
    )


def alias_to_proto(alias: Alias) -> pb.Alias:
    """An alias."""
    return pb.Alias(name=alias.name, version=alias.version, update_time=_timestamp(alias.update_time))


def change_to_proto(change: AliasChange) -> pb.AliasChange:
    """A move of an alias."""
    return pb.AliasChange(
        alias=change.moved.name,
        kind=_KINDS[change.kind],
        from_version=change.from_version,
        to_version=change.to_version,
        create_time=_timestamp(change.create_time),
        reason=change.reason,
    )


def _require_rewards(value: run_pb2.Estimate, field: str) -> None:
    # Whether the mean is in the interval depends on how that was made. What is not a number is in no order.
    for each in (value.mean, value.ci95_low, value.ci95_high):
        if not -_ROUNDING <= each <= 1 + _ROUNDING:
            raise InvalidArgument(field, f"{each:g} is no mean reward", fix="rewards are from 0 to 1")


def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message

"""Reads versions, workflows, aliases and their changes; each in one statement, so it is one state of all."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    func,
    literal,
    select,
    tuple_,
)

from autoflow_generator.registry.model import (
    Alias,
    AliasChange,
    ChangeKind,
    Reference,
    RegisteredWorkflow,
    Version,
)
from autoflow_generator.registry.store.tables import ALIASES, CHANGES, VERSIONS, WORKFLOWS

_SEPARATOR = " "
"""In no name of an alias."""

_NAMES = (
    select(func.aggregate_strings(ALIASES.c.alias, _SEPARATOR))
    .where(ALIASES.c.workflow == VERSIONS.c.workflow, ALIASES.c.version == VERSIONS.c.number)
    .correlate(VERSIONS)
    .scalar_subquery()
    .label("aliases")
)

VERSION: Select[Any] = select(
    VERSIONS.c.number, VERSIONS.c.digest, VERSIONS.c.payload, VERSIONS.c.create_time, _NAMES
)
"""Selects what `to_version` reads, but for the workflow's id."""

CHANGE: Select[Any] = select(
    CHANGES.c.alias,
    CHANGES.c.kind,
    CHANGES.c.from_version,
    CHANGES.c.to_version,
    CHANGES.c.create_time,
    CHANGES.c.reason,
    CHANGES.c.place,
)
"""Selects what `to_change` reads, but for the workflow's id."""


def to_version(row: Row[Any], workflow: str) -> Version:
    """A row of `VERSION`, of the registered workflow of this id."""
    aliases = tuple(sorted((row.aliases or "").split()))
    return Version(workflow, row.number, row.digest, row.payload, row.create_time, aliases)


def to_change(row: Row[Any], workflow: str) -> AliasChange:
    """A row of `CHANGE`, of the registered workflow of this id."""
    return AliasChange(
        workflow,
        row.alias,
        ChangeKind(row.kind),
        row.from_version,
        row.to_version,
        row.create_time,
        row.reason,
        row.place,
    )


def version(connection: Connection, tenant: str, reference: Reference) -> Version | None:
    """The version that is meant; None where there is none."""
    place = _column(WORKFLOWS.c.place, tenant, reference.workflow)
    number: ColumnElement[int]
    match reference.which:
        case int(given):
            number = literal(given)
        case str(alias):
            at = ALIASES.c.workflow == place, ALIASES.c.alias == alias
            number = select(ALIASES.c.version).where(*at).scalar_subquery()
        case None:
            number = _column(WORKFLOWS.c.newest, tenant, reference.workflow)
    query = VERSION.where(VERSIONS.c.workflow == place, VERSIONS.c.number == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else to_version(row, reference.workflow)


def versions(
    connection: Connection, tenant: str, workflow: str, before: int | None, limit: int
) -> list[Version]:
    """Versions of a registered workflow, the newest first; of smaller numbers than `before`."""
    query = VERSION.where(VERSIONS.c.workflow == _column(WORKFLOWS.c.place, tenant, workflow))
    if before is not None:
        query = query.where(VERSIONS.c.number < before)
    rows = connection.execute(query.order_by(VERSIONS.c.number.desc()).limit(limit))
    return [to_version(row, workflow) for row in rows]


def _column(column: Column[int], tenant: str, workflow: str) -> ScalarSelect[int]:
    # Not a join: PostgreSQL would read all versions of the workflow, and sort them, for a page.
    here = WORKFLOWS.c.tenant == tenant, WORKFLOWS.c.id == workflow
    return select(column).where(*here).scalar_subquery()


def workflows(connection: Connection, tenant: str, after: int | None, limit: int) -> list[RegisteredWorkflow]:
    """Registered workflows by name, those after the one of the place `after`."""
    page = select(WORKFLOWS).where(WORKFLOWS.c.tenant == tenant)
    if after is not None:
        last = select(WORKFLOWS.c.id).where(WORKFLOWS.c.tenant == tenant, WORKFLOWS.c.place == after)
        page = page.where(WORKFLOWS.c.id > last.scalar_subquery())
    found = page.order_by(WORKFLOWS.c.id).limit(limit).subquery()
    query = (
        select(
            found,
            ALIASES.c.alias,
            ALIASES.c.version,
            ALIASES.c.update_time.label("moved"),
        )
        .outerjoin(ALIASES, ALIASES.c.workflow == found.c.place)
        .order_by(found.c.id, ALIASES.c.alias)
    )
    rows = connection.execute(query)
    return [_to_workflow(list(its)) for _, its in groupby(rows, key=lambda row: row.place)]


def _to_workflow(rows: list[Row[Any]]) -> RegisteredWorkflow:
    first = rows[0]
    aliases = tuple(
        Alias(first.id, row.alias, row.version, row.moved) for row in rows if row.alias is not None
    )
    return RegisteredWorkflow(
        first.id, first.newest, first.create_time, first.update_time, aliases, first.place
    )


def aliases(
    connection: Connection, tenant: str, workflow: str | None, after: int | None, limit: int
) -> list[Alias]:
    """Aliases by name, those after the one of the place `after`; of one registered workflow, or of all."""
    name = tuple_(ALIASES.c.workflow_id, ALIASES.c.alias)
    query = select(ALIASES).where(ALIASES.c.tenant == tenant)
    if workflow is not None:
        query = query.where(ALIASES.c.workflow_id == workflow)
    if after is not None:
        # The names of an alias never change.
        names = select(ALIASES.c.workflow_id, ALIASES.c.alias).where(ALIASES.c.place == after)
        last = connection.execute(names).one_or_none()
        if last is None:
            return []
        query = query.where(name > tuple_(*map(literal, last)))
    rows = connection.execute(query.order_by(ALIASES.c.workflow_id, ALIASES.c.alias).limit(limit))
    return [Alias(row.workflow_id, row.alias, row.version, row.update_time, row.place) for row in rows]


def changes(
    connection: Connection, tenant: str, of: Reference, before: int | None, limit: int
) -> list[AliasChange]:
    """Changes of an alias, or of all aliases of a registered workflow, the newest first.

    Args:
        connection: to the database.
        tenant: whose registry it is.
        of: the alias, or the workflow.
        before: only changes of an earlier place; None means all.
        limit: the most to return.
    """
    query = CHANGE.where(CHANGES.c.workflow == _column(WORKFLOWS.c.place, tenant, of.workflow))
    if of.which is not None:
        query = query.where(CHANGES.c.alias == of.which)
    if before is not None:
        query = query.where(CHANGES.c.place < before)
    rows = connection.execute(query.order_by(CHANGES.c.place.desc()).limit(limit))
    return [to_change(row, of.workflow) for row in rows]


def is_there(connection: Connection, tenant: str, workflow: str) -> bool:
    """Whether there is such a registered workflow."""
    return connection.scalar(select(_column(WORKFLOWS.c.place, tenant, workflow))) is not None

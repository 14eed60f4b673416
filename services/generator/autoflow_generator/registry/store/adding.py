"""Adds versions.

The row of a registered workflow is locked first, so of those who add versions to one workflow each sees what
the one before has added: numbers have no gaps and never collide. On SQLite the transaction is the only one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from autoflow.errors import AlreadyExists
from autoflow_generator.registry.model import NewVersion, Version
from autoflow_generator.registry.store.reading import VERSION, to_version
from autoflow_generator.registry.store.tables import VERSIONS, WORKFLOWS


class Locked(NamedTuple):
    """A registered workflow that nobody else changes before the end of the transaction."""

    place: int
    newest: int


def lock(connection: Connection, tenant: str, workflow: str) -> Locked | None:
    """Locks a registered workflow; None where there is none.

    Args:
        connection: in a transaction that writes.
        tenant: whose workflow it is.
        workflow: its id.
    """
    query = (
        select(WORKFLOWS.c.place, WORKFLOWS.c.newest)
        .where(WORKFLOWS.c.tenant == tenant, WORKFLOWS.c.id == workflow)
        .with_for_update()
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Locked(*row)


def add(connection: Connection, tenant: str, new: NewVersion, digest: str, now: datetime) -> Version:
    """Adds a version, and registers the workflow where this is its first.

    Args:
        connection: in a transaction that writes.
        tenant: whose registry it is.
        new: the version.
        digest: of its workflow.
        now: the time.

    Returns:
        The version, or the one that the same request has added before.

    Raises:
        AlreadyExists: the request id was used for another version.
    """
    workflow = lock(connection, tenant, new.workflow) or _register(connection, tenant, new.workflow, now)
    if new.request_id is not None:
        same = (
            VERSION.add_columns(WORKFLOWS.c.id)
            .join(WORKFLOWS, VERSIONS.c.workflow == WORKFLOWS.c.place)
            .where(VERSIONS.c.tenant == tenant, VERSIONS.c.request_id == new.request_id)
        )
        if (row := connection.execute(same).one_or_none()) is not None:
            return _known(to_version(row, row.id), new)
    number = workflow.newest + 1
    row_of_it: dict[str, Any] = {
        "workflow": workflow.place,
        "number": number,
        "tenant": tenant,
        "request_id": new.request_id,
        "digest": digest,
        "payload": new.payload,
        "create_time": now,
    }
    connection.execute(insert(VERSIONS), row_of_it)
    here = WORKFLOWS.c.place == workflow.place
    connection.execute(update(WORKFLOWS).where(here).values(newest=number, update_time=now))
    return Version(new.workflow, number, digest, new.payload, now)


def _register(connection: Connection, tenant: str, workflow: str, now: datetime) -> Locked:
    values = {"tenant": tenant, "id": workflow, "newest": 0, "create_time": now, "update_time": now}
    try:
        with connection.begin_nested():
            connection.execute(insert(WORKFLOWS), values)
    except IntegrityError:
        # Somebody else has registered it a moment ago; it waited for their commit.
        pass
    locked = lock(connection, tenant, workflow)
    if locked is None:
        raise RuntimeError("a registered workflow is gone, and nothing ever deletes one")
    return locked


def _known(known: Version, new: NewVersion) -> Version:
    if (known.workflow, known.payload) != (new.workflow, new.payload):
        raise AlreadyExists(f"the request id was used for another version, `{known.name}`")
    return known

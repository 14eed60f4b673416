"""Keeps the registry in a relational database, for any number of servers at a time.

What is acknowledged is on the disk. Every method raises Unavailable where the database is away; then a change
is stored or it is not, and whoever repeats it with its request id finds out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.errors import NotFound
from autoflow.store.database import Database
from autoflow_generator.registry.model import (
    Alias,
    AliasChange,
    Move,
    NewVersion,
    Reference,
    RegisteredWorkflow,
    Version,
)
from autoflow_generator.registry.store import adding, moving, reading
from autoflow_generator.registry.store.tables import DEFAULT_TENANT, WORKFLOWS

MIGRATIONS = Path(__file__).parent / "migrations"
"""The folder of the revisions of these tables."""

T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


class RegistryStore(Database):
    """Registered workflows, their versions, aliases, and the changes of those.

    Args:
        engine: the database; not connected to before the first call.
        tenant: whose registry it is.
        clock: the time, aware.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        tenant: str = DEFAULT_TENANT,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        super().__init__(engine, MIGRATIONS, WORKFLOWS)
        self._tenant = tenant
        self._clock = clock

    async def add(self, new: NewVersion, digest: str) -> Version:
        """Adds a version of that digest; see `autoflow_generator.registry.store.adding.add`."""
        now = self._clock()
        return await self._write(
            lambda connection: adding.add(connection, self._tenant, new, digest, now), new.request_id
        )

    async def move(self, move: Move) -> AliasChange:
        """Moves an alias; see `autoflow_generator.registry.store.moving.move`."""
        now = self._clock()
        return await self._write(
            lambda connection: moving.move(connection, self._tenant, move, now), move.request_id
        )

    async def get(self, reference: Reference) -> Version:
        """The version that is meant.

        Raises:
            NotFound: there is none.
        """
        found = await self._connections.read(
            lambda connection: reading.version(connection, self._tenant, reference)
        )
        if found is None:
            raise NotFound(f"there is no `{reference}`")
        return found

    async def versions(self, workflow: str, before: int | None, limit: int) -> list[Version]:
        """Versions of a registered workflow, the newest first.

        Args:
            workflow: its id.
            before: only versions of smaller numbers; None means all.
            limit: the most to return.

        Raises:
            NotFound: there is no such workflow.
        """
        found = await self._connections.read(
            lambda connection: reading.versions(connection, self._tenant, workflow, before, limit)
        )
        # A registered workflow has a version.
        if not found and before is None:
            raise NotFound(f"there is no `{Reference(workflow)}`")
        return found

    async def workflows(self, after: int | None, limit: int) -> list[RegisteredWorkflow]:
        """Registered workflows by name.

        Args:
            after: only those whose names come after that of the workflow of this place; None means all.
            limit: the most to return.
        """
        return await self._connections.read(
            lambda connection: reading.workflows(connection, self._tenant, after, limit)
        )

    async def aliases(self, workflow: str | None, after: int | None, limit: int) -> list[Alias]:
        """Aliases by name.

        Args:
            workflow: whose; None: of all registered workflows.
            after: only those whose names come after that of the alias of this place; None means all.
            limit: the most to return.
        """
        return await self._connections.read(
            lambda connection: reading.aliases(connection, self._tenant, workflow, after, limit)
        )

    async def changes(self, of: Reference, before: int | None, limit: int) -> list[AliasChange]:
        """Changes of aliases, the newest first.

        Args:
            of: the alias, or the registered workflow whose aliases they are.
            before: only changes of an earlier place; None means all.
            limit: the most to return.

        Raises:
            NotFound: there is no such workflow, or no such alias.
        """

        def read(connection: Connection) -> list[AliasChange] | None:
            found = reading.changes(connection, self._tenant, of, before, limit)
            if found or before is not None:
                return found
            # An alias has been moved, by what made it; a workflow may have none.
            known = of.which is None and reading.is_there(connection, self._tenant, of.workflow)
            return found if known else None

        found = await self._connections.read(read)
        if found is None:
            raise NotFound(f"there is no `{of}`")
        return found

    async def _write(self, work: Callable[[Connection], T], request_id: str | None) -> T:
        try:
            return await self._connections.write(work)
        except IntegrityError:
            # Somebody has come with the same request id for another workflow, a moment ago.
            if request_id is None:
                raise
            return await self._connections.write(work)

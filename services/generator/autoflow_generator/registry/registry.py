"""What callers can do with registered workflows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

from autoflow import paging
from autoflow.soundness import sound_workflow
from autoflow_generator.registry.model import (
    Alias,
    AliasChange,
    Move,
    NewVersion,
    Reference,
    RegisteredWorkflow,
    Version,
)
from autoflow_generator.registry.store import RegistryStore

T = TypeVar("T")
_WORKFLOWS = "workflows"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list."""

    items: Sequence[T]
    next_page_token: str
    """Empty on the last page."""


class WorkflowRegistry:
    """The registry service without its wire.

    Every method raises Unavailable where the database is away. A list takes how many are on a page (0 means
    the default) and the `next_page_token` of the page before, and raises InvalidArgument for a token that
    this service did not make for the same list.

    Args:
        store: where everything is kept.
    """

    def __init__(self, store: RegistryStore) -> None:
        self._store = store

    async def create(self, new: NewVersion) -> Version:
        """Adds a version; the first one registers the workflow.

        Raises:
            InvalidArgument: the workflow has lint errors.
            AlreadyExists: the request id was used for another version.
        """
        workflow = sound_workflow(new.source, "version.workflow.source")
        return await self._store.add(new, workflow.digest)

    async def get(self, reference: Reference) -> Version:
        """The version of a number, that an alias points at, or the newest.

        Raises:
            NotFound: there is none.
        """
        return await self._store.get(reference)

    async def move(self, move: Move) -> AliasChange:
        """Promotes, or rolls back.

        Raises:
            NotFound: there is no such version, or no alias to roll back.
            Aborted: the alias does not point where it is expected to; the error says where it does.
            FailedPrecondition: there is no earlier promotion.
            AlreadyExists: the request id was used for another change.
        """
        return await self._store.move(move)

    async def versions(self, workflow: Reference, page_size: int, token: str) -> Page[Version]:
        """Versions of a registered workflow, the newest first.

        Raises:
            NotFound: there is no such workflow.
        """
        kind, size = f"versions of {workflow}", paging.page_size(page_size)
        before = paging.page_start(token, kind)
        # One more than asked for tells whether there is a next page; so below.
        found = await self._store.versions(workflow.workflow, before, size + 1)
        return Page(*paging.cut(found, size, kind, attrgetter("number")))

    async def workflows(self, page_size: int, token: str) -> Page[RegisteredWorkflow]:
        """Registered workflows by name."""
        size, after = paging.page_size(page_size), paging.page_start(token, _WORKFLOWS)
        found = await self._store.workflows(after, size + 1)
        return Page(*paging.cut(found, size, _WORKFLOWS, attrgetter("place")))

    async def aliases(self, workflow: Reference | None, page_size: int, token: str) -> Page[Alias]:
        """Aliases by name, of one registered workflow or of all (None)."""
        kind, size = f"aliases of {workflow}", paging.page_size(page_size)
        after = paging.page_start(token, kind)
        whose = None if workflow is None else workflow.workflow
        found = await self._store.aliases(whose, after, size + 1)
        return Page(*paging.cut(found, size, kind, attrgetter("place")))

    async def changes(self, of: Reference, page_size: int, token: str) -> Page[AliasChange]:
        """Changes of all aliases of a registered workflow, or of one alias, the newest first.

        Raises:
            NotFound: there is no such workflow, or no such alias.
        """
        kind, size = f"changes of {of}", paging.page_size(page_size)
        before = paging.page_start(token, kind)
        found = await self._store.changes(of, before, size + 1)
        return Page(*paging.cut(found, size, kind, attrgetter("place")))

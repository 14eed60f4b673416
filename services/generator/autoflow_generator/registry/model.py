"""What is kept of registered workflows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from typing import Self

_PREFIX = "workflows/"
_MARK = "@"


@dataclass(frozen=True, slots=True)
class Reference:
    """What of a registered workflow is meant."""

    workflow: str
    """The last part of `workflows/<id>`."""
    which: int | str | None = None
    """The number of a version, or an alias; None where the name has no `@`."""

    @classmethod
    def read(cls, name: str) -> Self:
        """Reads `<id>`, `<id>@<number>` or `<id>@<alias>`, with `workflows/` before it or without.

        Args:
            name: checked before; an alias begins with a letter, a number with none.
        """
        workflow, _, which = name.removeprefix(_PREFIX).partition(_MARK)
        return cls(workflow, int(which) if which.isdecimal() else which or None)

    def __str__(self) -> str:
        return f"{_PREFIX}{self.workflow}" + ("" if self.which is None else f"{_MARK}{self.which}")


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that somebody wants to add."""

    workflow: str
    """The id of the registered workflow."""
    source: str
    """The text."""
    payload: bytes
    """All that the caller gave, opaque here; equal versions have equal bytes."""
    request_id: str | None
    """The caller's own id of the request."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a registered workflow."""

    workflow: str
    number: int
    """From 1, without gaps."""
    digest: str
    """Of the text in canonical form, `sha256:<hex>`."""
    payload: bytes
    create_time: datetime
    aliases: tuple[str, ...] = ()
    """Those that point at it now, sorted."""

    @property
    def name(self) -> str:
        """`workflows/<id>@<version>`."""
        return str(Reference(self.workflow, self.number))


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that points at a version."""

    workflow: str
    alias: str
    version: int
    update_time: datetime
    """When it was moved there."""
    place: int = 0
    """In the order of creation; what lists are paged by."""

    @property
    def name(self) -> str:
        """`workflows/<id>@<alias>`."""
        return str(Reference(self.workflow, self.alias))


@dataclass(frozen=True, slots=True)
class RegisteredWorkflow:
    """A registered workflow without its versions."""

    id: str
    newest: int
    """The number of its newest version."""
    create_time: datetime
    update_time: datetime
    """When the newest version was created."""
    aliases: tuple[Alias, ...]
    """By name."""
    place: int
    """In the order of creation; what lists are paged by."""

    @property
    def name(self) -> str:
        """`workflows/<id>`."""
        return str(Reference(self.id))


class ChangeKind(StrEnum):
    """How an alias was moved."""

    PROMOTION = auto()
    ROLLBACK = auto()


@dataclass(frozen=True, slots=True)
class Move:
    """How somebody wants an alias moved."""

    kind: ChangeKind
    workflow: str
    alias: str
    expected: int
    """The version that it points at now; 0: there is no such alias."""
    target: int | None
    """The version of a promotion; None: a rollback, which finds its own."""
    reason: str
    request_id: str | None
    """The caller's own id of the request."""


@dataclass(frozen=True, slots=True)
class AliasChange:
    """One move of an alias."""

    workflow: str
    alias: str
    kind: ChangeKind
    from_version: int
    """0 where the change created the alias."""
    to_version: int
    create_time: datetime
    reason: str
    place: int = 0
    """In the order of the changes; what lists are paged by."""

    @property
    def moved(self) -> Alias:
        """The alias as it was right after the change."""
        return Alias(self.workflow, self.alias, self.to_version, self.create_time)

    def answers(self, move: Move) -> bool:
        """Whether this is what came of a move that is wanted (again)."""
        return (
            (self.kind, self.workflow, self.alias) == (move.kind, move.workflow, move.alias)
            and self.from_version == move.expected
            and move.target in (None, self.to_version)
            and self.reason == move.reason
        )

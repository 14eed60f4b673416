"""Moves aliases.

The promotions of an alias are a stack: each knows the one below it, and the alias knows its top. A rollback
goes back to the one below; a promotion after it goes on from there. Both are in the history, which only
grows. A promotion to the version that the alias points at already is in the history, and nothing more: a
rollback always moves.

The row of the registered workflow is locked first, so an alias points where it was found to until the end of
the transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from autoflow.errors import Aborted, AlreadyExists, FailedPrecondition, NotFound
from autoflow_generator.registry.model import AliasChange, Move, Reference
from autoflow_generator.registry.store.adding import Locked, lock
from autoflow_generator.registry.store.reading import CHANGE, to_change
from autoflow_generator.registry.store.tables import ALIASES, CHANGES, WORKFLOWS


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to become of an alias."""

    version: int
    top: int | None
    """The promotion that the alias stands on from now on; None: the change itself."""
    below: int | None = None
    """The promotion below the change."""


def move(connection: Connection, tenant: str, wanted: Move, now: datetime) -> AliasChange:
    """Moves an alias.

    Args:
        connection: in a transaction that writes.
        tenant: whose registry it is.
        wanted: which, and where to.
        now: the time.

    Returns:
        The change, or the one that the same request has made before.

    Raises:
        NotFound: there is no such version, or no alias to roll back.
        Aborted: the alias does not point where it is expected to.
        FailedPrecondition: there is no earlier promotion.
        AlreadyExists: the request id was used for another change.
    """
    workflow = lock(connection, tenant, wanted.workflow)
    if (known := _made_before(connection, tenant, wanted)) is not None:
        return known
    if workflow is None:
        raise NotFound(f"there is no `{Reference(wanted.workflow, wanted.target or wanted.alias)}`")
    here = Reference(wanted.workflow, wanted.alias)
    at_alias = (ALIASES.c.workflow == workflow.place, ALIASES.c.alias == wanted.alias)
    alias = connection.execute(select(ALIASES).where(*at_alias)).one_or_none()
    if wanted.target is None:
        change = _rolled_back(connection, alias, here, wanted.expected)
    else:
        _require_version(workflow, Reference(wanted.workflow, wanted.target))
        _require_expected(alias, here, wanted.expected)
        change = _promoted(alias, wanted.target)
    place = _record(connection, tenant, workflow, wanted, change, now)
    values = {"version": change.version, "top": change.top or place, "update_time": now}
    if alias is not None:
        connection.execute(update(ALIASES).where(*at_alias).values(values))
    else:
        names = {"tenant": tenant, "workflow_id": wanted.workflow, "alias": wanted.alias}
        connection.execute(insert(ALIASES), {**names, "workflow": workflow.place, **values})
    return AliasChange(
        wanted.workflow, wanted.alias, wanted.kind, wanted.expected, change.version, now, wanted.reason, place
    )


def _made_before(connection: Connection, tenant: str, wanted: Move) -> AliasChange | None:
    if wanted.request_id is None:
        return None
    same = (
        CHANGE.add_columns(WORKFLOWS.c.id)
        .join(WORKFLOWS, CHANGES.c.workflow == WORKFLOWS.c.place)
        .where(CHANGES.c.tenant == tenant, CHANGES.c.request_id == wanted.request_id)
    )
    row = connection.execute(same).one_or_none()
    if row is None:
        return None
    known = to_change(row, row.id)
    if not known.answers(wanted):
        raise AlreadyExists(f"the request id was used for another change, of `{known.moved.name}`")
    return known


def _promoted(alias: Row[Any] | None, target: int) -> _Change:
    if alias is None:
        return _Change(target, None)
    if alias.version == target:
        return _Change(target, alias.top)
    return _Change(target, None, below=alias.top)


def _rolled_back(connection: Connection, alias: Row[Any] | None, here: Reference, expected: int) -> _Change:
    if alias is None:
        raise NotFound(f"there is no `{here}`")
    _require_expected(alias, here, expected)
    below = select(CHANGES.c.below).where(CHANGES.c.place == alias.top).scalar_subquery()
    earlier = select(CHANGES.c.place, CHANGES.c.to_version).where(CHANGES.c.place == below)
    found = connection.execute(earlier).one_or_none()
    if found is None:
        raise FailedPrecondition(f"`{here}` has no earlier promotion than that to version {alias.version}")
    return _Change(found.to_version, found.place)


def _require_version(workflow: Locked, target: Reference) -> None:
    # Numbers have no gaps, and nothing is ever deleted.
    if not isinstance(target.which, int) or target.which > workflow.newest:
        raise NotFound(f"there is no `{target}`")


def _require_expected(alias: Row[Any] | None, here: Reference, expected: int) -> None:
    if alias is None and expected:
        raise Aborted(f"there is no `{here}` yet, where version {expected} was expected")
    if alias is not None and alias.version != expected:
        raise Aborted(
            f"`{here}` points at version {alias.version} now, "
            + (f"not at {expected}" if expected else "and was expected not to be there yet")
        )


def _record(
    connection: Connection, tenant: str, workflow: Locked, wanted: Move, change: _Change, now: datetime
) -> int:
    values = {
        "tenant": tenant,
        "workflow": workflow.place,
        "alias": wanted.alias,
        "request_id": wanted.request_id,
        "kind": wanted.kind.value,
        "from_version": wanted.expected,
        "to_version": change.version,
        "below": change.below,
        "create_time": now,
        "reason": wanted.reason,
    }
    place: int = connection.execute(insert(CHANGES).returning(CHANGES.c.place), values).scalar_one()
    return place

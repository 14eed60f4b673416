"""Who holds executions, and until when without a sign of life.

A lease that has expired stays its holder's until somebody claims the execution; from then on the fencing
token is another. So clocks that differ lead to a needless change of holders, never to two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from autoflow_interpreter.executions.model import Execution, ExecutionState
from autoflow_interpreter.executions.store.tables import EXECUTIONS, REQUESTS, to_execution

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a lease ended that was given back: for every clock in the past."""

_TABLE = EXECUTIONS.c


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is to hold an execution."""

    owner: str
    """A name for people; what is decided by is the fencing token."""
    until: datetime

    @property
    def columns(self) -> dict[str, Any]:
        """Of an execution that is taken over."""
        return {
            "state": ExecutionState.RUNNING.value,
            "token": _TABLE.token + 1,
            "owner": self.owner,
            "lease_expires": self.until,
            "question_sequence": None,
            "question": None,
            "question_deadline": None,
        }


def extend(
    connection: Connection, tenant: str, held: Sequence[tuple[str, int]], until: datetime
) -> tuple[set[str], set[str]]:
    """Sets when leases end.

    Args:
        connection: in a transaction that writes.
        tenant: whose executions these are.
        held: ids and tokens.
        until: when they end.

    Returns:
        The ids of those that the caller does not hold (any more), and of those that somebody wants cancelled.
    """
    tokens = dict(held)
    query = (
        select(_TABLE.id, _TABLE.place, _TABLE.token, _TABLE.cancel_requested)
        .where(
            _TABLE.tenant == tenant,
            _TABLE.id.in_(tokens),
            _TABLE.state == ExecutionState.RUNNING.value,
        )
        .order_by(_TABLE.place)
        .with_for_update()
    )
    kept = [row for row in connection.execute(query) if tokens[row.id] == row.token]
    if kept:
        here = _TABLE.place.in_([row.place for row in kept])
        connection.execute(update(EXECUTIONS).where(here).values(lease_expires=until))
    lost = tokens.keys() - {row.id for row in kept}
    return lost, {row.id for row in kept if row.cancel_requested}


def take(
    connection: Connection,
    due: Sequence[ColumnElement[bool]],
    holder: Holder,
    limit: int,
    *,
    resumptions: int,
) -> list[Execution]:
    """Takes executions over; of several who do so at once, none gets what another gets.

    Args:
        connection: in a transaction that writes.
        due: which.
        holder: who takes them.
        limit: the most to take.
        resumptions: what is added to their count of them.

    Returns:
        Those that were taken, the oldest first.
    """
    query = (
        select(_TABLE.place).where(*due).order_by(_TABLE.place).limit(limit).with_for_update(skip_locked=True)
    )
    places = list(connection.scalars(query))
    if not places:
        return []
    here = _TABLE.place.in_(places)
    columns = {**holder.columns, "resumptions": _TABLE.resumptions + resumptions}
    connection.execute(update(EXECUTIONS).where(here).values(columns))
    rows = connection.execute(with_requests().where(here).order_by(_TABLE.place))
    return [to_execution(row) for row in rows]


def with_requests() -> Any:
    """Selects executions with what was asked for."""
    asked = REQUESTS.c.request, REQUESTS.c.settled
    return select(EXECUTIONS, *asked).join(REQUESTS, REQUESTS.c.execution == _TABLE.place)

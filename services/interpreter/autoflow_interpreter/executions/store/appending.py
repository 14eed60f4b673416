"""Stores what the holders of many executions want stored, in one transaction.

The number of statements does not depend on how many executions there are: one that reads who holds them and
locks them, one that inserts the events, one that counts them, and one more where executions stop running.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from autoflow_interpreter.executions.model import Append, Appended, Change, ExecutionState
from autoflow_interpreter.executions.store.tables import EVENTS, EXECUTIONS, to_columns

_INSERT = insert(EVENTS)
_COUNT = update(EXECUTIONS).where(EXECUTIONS.c.place == bindparam("of"))


@dataclass(slots=True)
class _Standing:
    """Where an execution stands, in the middle of a batch."""

    place: int
    token: int
    running: bool
    state: ExecutionState
    events: int
    cancel_requested: bool
    change: Change | None = None
    touched: bool = False

    def take(self, entry: Append) -> None:
        """Goes on to where the execution stands after an append."""
        self.touched = True
        self.events += len(entry.events)
        if entry.change is None or (self.cancel_requested and entry.change.state is ExecutionState.WAITING):
            return
        self.change, self.state, self.running = entry.change, entry.change.state, False

    @property
    def told(self) -> Appended:
        """What the holder is told of an append that is stored."""
        return Appended.CANCEL_REQUESTED if self.cancel_requested and self.running else Appended.STORED


def append_all(connection: Connection, tenant: str, batch: Sequence[Append], now: datetime) -> list[Appended]:
    """Stores a batch, or what of it may be stored.

    Args:
        connection: in a transaction that writes.
        tenant: whose executions these are.
        batch: of any executions, several of one in their order.
        now: the time.

    Returns:
        What came of each.
    """
    found = _standings(connection, tenant, {entry.execution_id for entry in batch})
    rows: list[dict[str, Any]] = []
    results = []
    for entry in batch:
        standing = found.get(entry.execution_id)
        if standing is None or standing.token != entry.token:
            results.append(Appended.LOST)
        elif standing.running and standing.events == entry.first_sequence:
            rows.extend(_rows(standing.place, entry))
            standing.take(entry)
            results.append(standing.told)
        elif _is_stored(connection, standing, entry, rows):
            results.append(standing.told)
        else:
            results.append(Appended.LOST)
    if rows:
        connection.execute(_INSERT, rows)
    _update(connection, [standing for standing in found.values() if standing.touched], now)
    return results


def _standings(connection: Connection, tenant: str, ids: set[str]) -> dict[str, _Standing]:
    table = EXECUTIONS.c
    query = (
        select(table.id, table.place, table.token, table.state, table.events, table.cancel_requested)
        .where(table.tenant == tenant, table.id.in_(ids))
        # Whoever locks several locks them in this order, else two could wait for each other.
        .order_by(table.place)
        .with_for_update()
    )
    return {
        row.id: _Standing(
            row.place,
            row.token,
            row.state == ExecutionState.RUNNING.value,
            ExecutionState(row.state),
            row.events,
            row.cancel_requested,
        )
        for row in connection.execute(query)
    }


def _rows(place: int, entry: Append) -> list[dict[str, Any]]:
    return [
        {"execution": place, "sequence": sequence, "time_ns": event.time_ns, "payload": event.payload}
        for sequence, event in enumerate(entry.events, entry.first_sequence)
    ]


def _is_stored(
    connection: Connection, standing: _Standing, entry: Append, rows: Sequence[dict[str, Any]]
) -> bool:
    """Whether an append is there already: it comes again when nobody could tell whether it was stored."""
    end = entry.first_sequence + len(entry.events)
    if not entry.events:
        return end == standing.events and entry.change is not None and entry.change.state is standing.state
    if end > standing.events:
        return False
    table = EVENTS.c
    query = select(table.sequence, table.payload).where(
        table.execution == standing.place, table.sequence >= entry.first_sequence, table.sequence < end
    )
    stored = {row.sequence: row.payload for row in connection.execute(query)}
    stored |= {row["sequence"]: row["payload"] for row in rows if row["execution"] == standing.place}
    return all(
        stored.get(sequence) == event.payload
        for sequence, event in enumerate(entry.events, entry.first_sequence)
    )


def _update(connection: Connection, touched: Sequence[_Standing], now: datetime) -> None:
    going_on, stopping = [], []
    for standing in touched:
        columns = {"of": standing.place, "events": standing.events, "update_time": now}
        if standing.change is None:
            going_on.append(columns)
        else:
            stopping.append({**columns, **to_columns(standing.change, now)})
    for parameters in (going_on, stopping):
        if parameters:
            connection.execute(_COUNT, parameters)

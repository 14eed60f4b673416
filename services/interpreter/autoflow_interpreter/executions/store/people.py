"""What people do to an execution that somebody else holds, or nobody: they answer it, and they cancel it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from autoflow.errors import FailedPrecondition, NotFound
from autoflow_interpreter.executions.model import Change, ExecutionState, NewEvent
from autoflow_interpreter.executions.store.leasing import Holder
from autoflow_interpreter.executions.store.tables import ANSWERS, EVENTS, EXECUTIONS, to_columns

_TABLE = EXECUTIONS.c

_Row = Row[*tuple[Any, ...]]


def cancel(
    connection: Connection, tenant: str, execution_id: str, event: NewEvent | None, now: datetime
) -> None:
    """Notes the wish where the execution runs; ends it where it waits; else does nothing.

    Args:
        connection: in a transaction that writes.
        tenant: whose execution it is.
        execution_id: the execution.
        event: the last one of an execution that waits.
        now: the time.

    Raises:
        NotFound: there is no such execution.
    """
    row = _locked(connection, tenant, execution_id)
    if row.state == ExecutionState.RUNNING.value:
        _set(connection, row, {"cancel_requested": True})
    elif row.state == ExecutionState.WAITING.value:
        _append(connection, row, event)
        ended = to_columns(Change(ExecutionState.CANCELLED), now)
        counted = {"events": row.events + (event is not None), "update_time": now}
        _set(connection, row, {**ended, **counted, "cancel_requested": True})


def answer(
    connection: Connection,
    tenant: str,
    execution_id: str,
    question: int,
    text: str,
    event: NewEvent,
    holder: Holder,
    now: datetime,
) -> bool:
    """Answers the question that an execution waits with; it runs again, and the holder holds it.

    Args:
        connection: in a transaction that writes.
        tenant: whose execution it is.
        execution_id: the execution.
        question: the sequence of the event that asked.
        text: the answer; the same one to the same question may come again.
        event: says so.
        holder: who is to hold it.
        now: the time.

    Returns:
        Whether anything was changed; else the very answer was given before.

    Raises:
        NotFound: there is no such execution.
        FailedPrecondition: it does not wait with this question.
    """
    row = _locked(connection, tenant, execution_id)
    digest = hashlib.sha256(text.encode()).digest()
    if row.state == ExecutionState.WAITING.value and row.question_sequence == question:
        _append(connection, row, event)
        given = {"execution": row.place, "question": question, "digest": digest}
        connection.execute(insert(ANSWERS), given)
        _set(connection, row, {**holder.columns, "events": row.events + 1, "update_time": now})
        return True
    if _answered(connection, row.place, question) == digest:
        return False
    raise FailedPrecondition(
        f"`executions/{execution_id}` does not wait with the question {question}, or has another answer"
    )


def _locked(connection: Connection, tenant: str, execution_id: str) -> _Row:
    query = (
        select(_TABLE.place, _TABLE.state, _TABLE.events, _TABLE.question_sequence)
        .where(_TABLE.tenant == tenant, _TABLE.id == execution_id)
        .with_for_update()
    )
    row = (connection.execute(query)).one_or_none()
    if row is None:
        raise not_found(execution_id)
    return row


def _answered(connection: Connection, place: int, question: int) -> bytes | None:
    query = select(ANSWERS.c.digest).where(ANSWERS.c.execution == place, ANSWERS.c.question == question)
    digest: bytes | None = connection.scalar(query)
    return digest


def _append(connection: Connection, row: _Row, event: NewEvent | None) -> None:
    if event is not None:
        values = {
            "execution": row.place,
            "sequence": row.events,
            "time_ns": event.time_ns,
            "payload": event.payload,
        }
        connection.execute(insert(EVENTS), values)


def _set(connection: Connection, row: _Row, columns: dict[str, Any]) -> None:
    connection.execute(update(EXECUTIONS).where(_TABLE.place == row.place).values(columns))


def not_found(execution_id: str) -> NotFound:
    """There is no such execution."""
    return NotFound(f"there is no execution `executions/{execution_id}`")

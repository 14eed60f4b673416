"""The interpreter's tables, and rows into executions and back.

They are tables without mapped classes: events are written by the thousand, and an object for each would cost
more than storing it. Whoever changes a table adds a revision to `migrations/versions`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from autoflow.store.columns import SERIAL, UtcTime, storable
from autoflow_interpreter.executions.model import Change, Execution, ExecutionState, Failure, Question

DEFAULT_TENANT = "default"
"""Whose everything is until there are identities."""

METADATA = MetaData()

EXECUTIONS = Table(
    "executions",
    METADATA,
    Column("place", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("request_id", String(64)),
    Column("state", String(16), nullable=False),
    Column("query_beginning", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("adapter", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("end_time", UtcTime),
    Column("events", Integer, nullable=False),
    Column("resumptions", Integer, nullable=False),
    Column("question_sequence", Integer),
    Column("question", LargeBinary),
    Column("question_deadline", UtcTime),
    Column("finished", LargeBinary, nullable=False),
    Column("failure_code", Integer),
    Column("failure_message", Text),
    Column("failure_status", LargeBinary),
    Column("cancel_requested", Boolean, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("lease_expires", UtcTime),
    UniqueConstraint("tenant", "id"),
    # Rows without a request_id (NULL) never collide.
    UniqueConstraint("tenant", "request_id"),
    Index("executions_by_state", "tenant", "state", "place"),
    Index("executions_by_end", "tenant", "end_time"),
    Index("executions_by_deadline", "tenant", "question_deadline"),
    sqlite_autoincrement=True,
)
"""Executions. What is written again with every event is kept small: SQLite writes a row as a whole."""

REQUESTS = Table(
    "execution_requests",
    METADATA,
    Column("execution", SERIAL, ForeignKey("executions.place", ondelete="CASCADE"), primary_key=True),
    Column("request", LargeBinary, nullable=False),
    # NULL where nothing had to be found out.
    Column("settled", LargeBinary),
)
"""What was asked for; never changed."""

EVENTS = Table(
    "execution_events",
    METADATA,
    Column("execution", SERIAL, ForeignKey("executions.place", ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
"""What happened; never changed."""

ANSWERS = Table(
    "execution_answers",
    METADATA,
    Column("execution", SERIAL, ForeignKey("executions.place", ondelete="CASCADE"), primary_key=True),
    Column("question", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False),
)
"""The SHA-256 of what a person answered to which question; never changed."""


def to_columns(change: Change, now: datetime) -> dict[str, Any]:
    """A change as columns; those of the lease that it gives back among them."""
    question, failure = change.question, change.failure
    return {
        "state": change.state.value,
        "end_time": now if change.state.final else None,
        "question_sequence": question and question.sequence,
        "question": question and question.payload,
        "question_deadline": question and question.deadline,
        "finished": change.finished,
        "failure_code": failure and failure.code,
        "failure_message": failure and storable(failure.message),
        "failure_status": failure and failure.status,
        "owner": "",
        "lease_expires": None,
    }


def begun(execution: Execution) -> Execution:
    """A new execution as it is stored, but for its place."""
    return Execution(
        id=execution.id,
        request_id=execution.request_id,
        state=ExecutionState.RUNNING,
        request=execution.request,
        query_beginning=storable(execution.query_beginning),
        model=storable(execution.model),
        adapter=storable(execution.adapter),
        create_time=execution.create_time,
        update_time=execution.create_time,
        token=1,
        settled=execution.settled,
    )


def from_begun(execution: Execution, tenant: str) -> dict[str, Any]:
    """What of a new execution is kept in its own row, but for its holder."""
    return {
        "tenant": tenant,
        "id": execution.id,
        "request_id": execution.request_id,
        "state": execution.state.value,
        "query_beginning": execution.query_beginning,
        "model": execution.model,
        "adapter": execution.adapter,
        "create_time": execution.create_time,
        "update_time": execution.update_time,
        "events": execution.events,
        "resumptions": execution.resumptions,
        "finished": execution.finished,
        "cancel_requested": execution.cancel_requested,
        "token": execution.token,
    }


def to_execution(row: Row[Any]) -> Execution:
    """A row of `EXECUTIONS` as an execution.

    Args:
        row: may have `request` and `settled` beside the table's columns; else the execution is without.
    """
    return Execution(
        id=row.id,
        request_id=row.request_id,
        state=ExecutionState(row.state),
        request=getattr(row, "request", b""),
        query_beginning=row.query_beginning,
        model=row.model,
        adapter=row.adapter,
        create_time=row.create_time,
        update_time=row.update_time,
        end_time=row.end_time,
        events=row.events,
        resumptions=row.resumptions,
        question=_question(row),
        finished=row.finished,
        failure=_failure(row),
        cancel_requested=row.cancel_requested,
        token=row.token,
        place=row.place,
        settled=getattr(row, "settled", None) or b"",
    )


def _question(row: Row[Any]) -> Question | None:
    if row.question_sequence is None:
        return None
    return Question(row.question_sequence, row.question, row.question_deadline)


def _failure(row: Row[Any]) -> Failure | None:
    if row.failure_code is None:
        return None
    return Failure(row.failure_code, row.failure_message or "", row.failure_status or b"")

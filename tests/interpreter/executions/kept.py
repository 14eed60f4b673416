"""Executions to keep. Imports little: processes start with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from autoflow.store.engine import create_engine
from autoflow_interpreter.executions.model import (
    Append,
    Change,
    Execution,
    ExecutionState,
    NewEvent,
    Question,
)
from autoflow_interpreter.executions.store import ExecutionStore

NOW = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def new_execution(execution_id: str = "one", request_id: str | None = None) -> Execution:
    return Execution(
        id=execution_id,
        request_id=request_id,
        state=ExecutionState.RUNNING,
        request=b"request",
        query_beginning="What to do",
        model="model",
        adapter="",
        create_time=NOW,
        update_time=NOW,
    )


def append(
    first: int,
    *payloads: bytes,
    execution_id: str = "one",
    token: int = 1,
    change: Change | None = None,
) -> Append:
    return Append(execution_id, token, first, [NewEvent(7, payload) for payload in payloads], change)


def asking(sequence: int, deadline: datetime = LATER) -> Change:
    return Change(ExecutionState.WAITING, Question(sequence, b"question", deadline))


def finishing(payload: bytes = b"finished") -> Change:
    return Change(ExecutionState.FINISHED, finished=payload)


async def payloads(store: ExecutionStore, execution_id: str = "one") -> Sequence[bytes]:
    """The payloads of all events; their sequences have no gaps."""
    events = await store.events(execution_id, 0, 100_000)
    assert [event.sequence for event in events] == list(range(len(events)))
    return [event.payload for event in events]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[ExecutionStore]:
    """A store of a database that is migrated, with connections of its own."""
    engine = create_engine(url)
    try:
        yield ExecutionStore(engine, clock=lambda: NOW)
    finally:
        await engine.dispose()

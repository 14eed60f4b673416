"""Executions as those see them who begin, watch, answer or cancel them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from autoflow.errors import AlreadyExists, AutoFlowError, Cancelled, Unavailable
from autoflow_interpreter.executions.model import Execution, ExecutionState, Failure, NewEvent
from autoflow_interpreter.executions.runner import Run, Runner
from autoflow_interpreter.executions.store import ExecutionStore

_PAGE = 256
"""Events that are read at once."""
_QUERY_CHARACTERS = 200


class ExecutionFailed(AutoFlowError):
    """An execution that is kept has failed.

    Attributes:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Begun:
    """What is to be kept of an execution that begins."""

    request: bytes
    request_id: str
    """Empty: none."""
    query: str
    model: str
    adapter: str


class Executions:
    """The executions of one database, those that other servers hold included.

    Args:
        store: where they are kept.
        runner: carries those out that this server holds.
        now: the time, aware.
        poll: seconds between two looks for events of what another server holds.
    """

    def __init__(
        self, store: ExecutionStore, runner: Runner, *, now: Callable[[], datetime], poll: float
    ) -> None:
        self._store = store
        self._runner = runner
        self._now = now
        self._poll = poll

    async def known(self, begun: Begun) -> Execution | None:
        """The execution that the same request has begun before.

        Raises:
            AlreadyExists: the request id has come with another request.
            Unavailable: the database is away.
        """
        found = await self._store.find_request(begun.request_id) if begun.request_id else None
        if found is not None and found.request != begun.request:
            raise AlreadyExists(f"the request id {begun.request_id!r} has come with another request")
        return found

    async def begin(self, begun: Begun, run: Run) -> Execution:
        """Stores and carries out.

        Raises:
            AlreadyExists: the request id has come with another request.
            ResourceExhausted: too many are under way.
            Unavailable: it cannot be stored.
        """
        now = self._now()
        execution = Execution(
            id=str(uuid.uuid4()),
            request_id=begun.request_id or None,
            state=ExecutionState.RUNNING,
            request=begun.request,
            query_beginning=begun.query[:_QUERY_CHARACTERS],
            model=begun.model,
            adapter=begun.adapter,
            create_time=now,
            update_time=now,
        )
        stored, new = await self._runner.begin(execution, run)
        if not new and stored.request != begun.request:
            raise AlreadyExists(f"the request id {begun.request_id!r} has come with another request")
        return stored

    async def watch(self, execution_id: str, start: int = 0) -> AsyncGenerator[tuple[int, bytes]]:
        """Events with their sequence, those that were and those to come, until the execution is final.

        Raises:
            NotFound: there is no such execution.
            ExecutionFailed: it failed.
            Cancelled: it was cancelled.
            Unavailable: the database is away.
        """
        while True:
            held = self._runner.get(execution_id)
            if held is not None and start >= held.live.first:
                async with aclosing(held.live.tail(start)) as payloads:
                    async for payload in payloads:
                        yield start, payload
                        start += 1
            for event in await self._store.events(execution_id, start, _PAGE):
                yield event.sequence, event.payload
                start = event.sequence + 1
            if (execution := await self._store.get(execution_id)).events > start:
                continue
            if execution.state.final:
                _raise_for(execution)
                return
            if self._runner.get(execution_id) is None:
                if self._runner.stopping:
                    raise Unavailable("the server stops; the execution goes on elsewhere")
                await asyncio.sleep(self._poll)

    async def follow(self, execution: Execution, *, owned: bool) -> AsyncGenerator[tuple[int, bytes]]:
        """As `watch`, from the beginning, for a call that has begun the execution.

        Args:
            execution: which.
            owned: whether the execution is cancelled when the last of these calls leaves before its end; one
                that waits for a person is not.
        """
        held = self._runner.get(execution.id) if owned else None
        if held is not None:
            held.owners += 1
        try:
            async with aclosing(self.watch(execution.id)) as events:
                async for event in events:
                    yield event
        except (asyncio.CancelledError, GeneratorExit):
            if held is not None:
                held.owners -= 1
                if not held.owners and not self._runner.stopping:
                    self._abandon(execution.id)
            raise

    def _abandon(self, execution_id: str) -> None:
        """Cancels what nobody waits for any more."""
        held = self._runner.get(execution_id)
        if held is not None:
            held.cancel()

    async def get(self, execution_id: str) -> Execution:
        """An execution.

        Raises:
            NotFound: there is none.
            Unavailable: the database is away.
        """
        return await self._store.get(execution_id)

    async def page(self, before: int | None, limit: int, state: ExecutionState | None) -> list[Execution]:
        """Executions without their requests, the newest first.

        Raises:
            Unavailable: the database is away.
        """
        return await self._store.page(before, limit, state)

    async def cancel(self, execution_id: str) -> Execution:
        """Wants an execution cancelled; errors as `get`."""
        execution = await self._store.request_cancel(execution_id)
        self._abandon(execution_id)
        return execution

    async def answer(self, execution_id: str, question: int, answer: str, event: NewEvent) -> Execution:
        """Answers the question that an execution waits with, and goes on with it.

        Args:
            execution_id: which.
            question: the sequence of the event that asked.
            answer: a person's.
            event: says so.

        Raises:
            NotFound: there is none.
            FailedPrecondition: it does not wait with this question.
            Unavailable: the database is away.
        """
        execution, ours = await self._store.answer(
            execution_id, question, answer, event, self._runner.owner, self._runner.lease_end
        )
        if ours:
            await self._runner.take_or_release(execution)
        return execution


def _raise_for(execution: Execution) -> None:
    if execution.failure is not None:
        raise ExecutionFailed(execution.failure)
    if execution.state is ExecutionState.CANCELLED:
        raise Cancelled("the execution was cancelled")

"""Executions as those see them who begin, watch, answer or cancel them."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime

from autoflow.errors import AlreadyExists, Cancelled, Unavailable
from autoflow_interpreter.executions.carrying import Run
from autoflow_interpreter.executions.model import Execution, ExecutionState, Failure, NewEvent
from autoflow_interpreter.executions.runner import Runner
from autoflow_interpreter.executions.store import ExecutionStore

_PAGE = 256
"""Events that are read at once."""
_QUERY_CHARACTERS = 200
_LONG = 10
"""How much longer the pauses become between two looks at what waits for a person."""


class ExecutionFailed(Exception):
    """An execution that is kept has failed; whoever watches it is answered as its own caller was.

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
    settled: bytes = b""
    """What of the request was found out since; see `Execution.settled`."""


class Executions:
    """The executions of one database, those that other servers hold included.

    Args:
        store: where they are kept.
        runner: carries those out that this server holds.
        now: the time, aware.
        poll: seconds between two looks for events of what another server holds, and the first two of what
            waits for a person.
    """

    def __init__(
        self, store: ExecutionStore, runner: Runner, *, now: Callable[[], datetime], poll: float
    ) -> None:
        self._store = store
        self._runner = runner
        self._now = now
        self._poll = poll
        self._owners: Counter[str] = Counter()
        """Calls at whose end executions are cancelled."""

    async def known(self, begun: Begun) -> Execution | None:
        """The execution that the same request has begun before.

        Raises:
            AlreadyExists: the request id has come with another request.
            Unavailable: the database is away.
        """
        found = await self._store.find_request(begun.request_id) if begun.request_id else None
        if found is not None and found.request != begun.request:
            raise _another(begun, found)
        return found

    async def begin(self, begun: Begun, run: Run, *, owned: bool) -> Execution:
        """Stores and carries out.

        Args:
            begun: what is to be kept.
            run: carries it out.
            owned: whether the execution is cancelled when the call is before it has begun to `follow` it.

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
            settled=begun.settled,
        )
        # Else nobody would know whether it was stored before the call was cancelled.
        beginning = asyncio.create_task(self._runner.begin(execution, run))
        try:
            stored, new = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            if owned and not self._runner.stopping:
                beginning.add_done_callback(lambda _: self._end(execution.id))
            raise
        if not new and stored.request != begun.request:
            raise _another(begun, stored)
        return stored

    async def watch(self, execution_id: str, start: int = 0) -> AsyncGenerator[tuple[int, bytes]]:
        """Events with their sequence, those that were and those to come, until the execution is final.

        Raises:
            NotFound: there is no such execution.
            ExecutionFailed: it failed.
            Cancelled: it was cancelled.
            Unavailable: the database is away.
        """
        pause = self._poll
        while True:
            held = self._runner.get(execution_id)
            if held is not None and start >= held.live.first:
                async with aclosing(held.live.tail(start)) as payloads:
                    async for payload in payloads:
                        yield start, payload
                        start += 1
            # Before the look: what happens after it must not be missed.
            awaited = self._runner.awaited(execution_id)
            execution = await self._store.glance(execution_id)
            more = start < execution.events
            page = await self._store.events(execution_id, start, _PAGE) if more else []
            for event in page:
                yield event.sequence, event.payload
                start = event.sequence + 1
            if page:
                continue
            if execution.state.final and not more:
                _raise_for(execution)
                return
            if self._runner.get(execution_id) is None:
                if self._runner.stopping:
                    raise Unavailable("the server stops; the execution goes on elsewhere")
                # Whoever waits for a person may do so for days, beside thousands of others.
                waits = execution.state is ExecutionState.WAITING
                pause = min(2 * pause, _LONG * self._poll) if waits else self._poll
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await awaited.wait()

    async def follow(self, execution: Execution, *, owned: bool) -> AsyncGenerator[tuple[int, bytes]]:
        """As `watch`, from the beginning, for a call that has begun the execution.

        Args:
            execution: which.
            owned: whether the execution is cancelled when the last of these calls leaves before its end. One
                that waits for a person is not, and neither is one that another server holds: nobody knows
                here who is left there.
        """
        if owned:
            self._owners[execution.id] += 1
        left = False
        try:
            async with aclosing(self.watch(execution.id)) as events:
                async for event in events:
                    yield event
        except (asyncio.CancelledError, GeneratorExit):
            left = owned and not self._runner.stopping
            raise
        finally:
            if owned:
                self._disown(execution.id, left=left)

    def _disown(self, execution_id: str, *, left: bool) -> None:
        """One who wants an execution less, who has left or been told how it ended."""
        self._owners[execution_id] -= 1
        if not self._owners[execution_id]:
            del self._owners[execution_id]
            if left:
                self._end(execution_id)

    def _end(self, execution_id: str) -> None:
        """Cancels an execution, where this server holds it."""
        held = self._runner.get(execution_id)
        if held is not None:
            held.end(cancelled=True)

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
        self._end(execution_id)
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


def _another(begun: Begun, found: Execution) -> AlreadyExists:
    return AlreadyExists(
        f"the request id {begun.request_id!r} has come with another request, that of `executions/{found.id}`"
    )


def _raise_for(execution: Execution) -> None:
    if execution.failure is not None:
        raise ExecutionFailed(execution.failure)
    if execution.state is ExecutionState.CANCELLED:
        raise Cancelled("the execution was cancelled")

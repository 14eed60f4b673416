"""Follows one execution to its end, over streams that break: every event once, and in order.

A stream may break because the connection did, because the server stops, or because the execution failed.
Only the execution's own state tells the last from the others, since an execution fails with `UNAVAILABLE`,
too, where its model cannot be reached. So its state is asked for wherever a server has answered.

A server that cannot be reached at first is not waited for beyond the channel's own retries. One that could be
reached is, until the deadline: the execution goes on meanwhile, or resumes.

It does not protect against an execution that is begun and never named: where the server is lost before
`started` has come, the same request is sent again, and whoever leaves before that leaves the execution alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from autoflow.client._executions import ExecutionCalls
from autoflow.client.errors import (
    Cancelled,
    DeadlineExceeded,
    Internal,
    ResourceExhausted,
    RpcError,
    Unavailable,
    Unknown,
)
from autoflow.client.settings import ClientSettings
from autoflow.v1.interpreter_service_pb2 import (
    DISCONNECT_POLICY_CONTINUE,
    EXECUTION_STATE_CANCELLED,
    EXECUTION_STATE_FAILED,
    EXECUTION_STATE_FINISHED,
    ExecuteWorkflowRequest,
    ExecutionEvent,
)

_PASSING = (Unavailable, Cancelled, ResourceExhausted, DeadlineExceeded)
"""What comes when a server stops, has too much to do, or lets a stream last for its time only."""
_BROKEN = (*_PASSING, Internal, Unknown)
"""What comes of a connection, or of a proxy, that breaks; no server has said it."""
_NOT_SERVING = "NOT_SERVING"
"""The reason of a server that starts or stops."""
_ENDED = (EXECUTION_STATE_FINISHED, EXECUTION_STATE_FAILED, EXECUTION_STATE_CANCELLED)
_LEAVE_SECONDS = 5.0
"""For telling the server that whoever began an execution has left."""


class Following:
    """One execution that is followed; `follow` may be called once.

    Args:
        calls: the service.
        settings: the pauses between streams, and the deadline of single calls.
        timeout: seconds for all of it; None for the settings' own.
        begin: the request that begins it, with a `request_id`; None where it is there already.
        name: `executions/<id>`, where it is there already.
        from_sequence: the first event that is wanted.
    """

    def __init__(
        self,
        calls: ExecutionCalls,
        settings: ClientSettings,
        timeout: float | None,
        *,
        begin: ExecuteWorkflowRequest | None = None,
        name: str = "",
        from_sequence: int = 0,
    ) -> None:
        self._calls = calls
        self._settings = settings
        self._timeout = settings.stream_timeout if timeout is None else timeout
        self._begin = begin
        self._name = name
        self._next = from_sequence
        self._pause = settings.retry.initial_backoff
        self._end = 0.0
        self._was_there = False
        self._finished = False
        self._waits_for_a_person = False

    async def follow(self) -> AsyncGenerator[ExecutionEvent]:
        """Yields the events, the last of them `finished`.

        Raises:
            RpcError: the execution failed or was cancelled, or the service cannot tell.
        """
        self._end = asyncio.get_running_loop().time() + self._timeout
        self._was_there = await self._reachable()
        broken = over = False
        try:
            while not over:
                error: RpcError | None = None
                try:
                    async with aclosing(self._stream()) as events:
                        async for event in events:
                            if event.sequence >= self._next:
                                self._note(event)
                                yield event
                except RpcError as raised:
                    error = raised
                    if not self._may_pass(error):
                        if self._ran_out(error):
                            raise DeadlineExceeded(error.method, error.message, error.details) from error
                        raise
                # The end of the first stream alone is a disconnect to the server itself.
                broken = True
                over = await self._is_over(error)
                if over and error is not None:
                    raise error
                if not over:
                    await self._rest(error)
        finally:
            if broken and not over:
                await self._leave()

    async def _reachable(self) -> bool:
        try:
            async with asyncio.timeout(self._left()):
                return await self._calls.reachable()
        except TimeoutError:
            return False

    def _stream(self) -> AsyncGenerator[ExecutionEvent]:
        if self._name:
            return self._calls.watch(self._name, self._next, self._left())
        assert self._begin is not None
        return self._calls.execute(self._begin, self._left())

    def _note(self, event: ExecutionEvent) -> None:
        self._next = event.sequence + 1
        self._was_there = True
        self._pause = self._settings.retry.initial_backoff
        self._waits_for_a_person = event.HasField("person_asked")
        if event.HasField("started"):
            self._name = event.started.execution
        self._finished = event.HasField("finished")

    def _may_pass(self, error: RpcError) -> bool:
        """Whether an error may be the stream's, and not the execution's."""
        if not self._was_there or self._left() <= 0:
            return False
        if not error.details.request_id:
            return isinstance(error, _BROKEN)
        # Before anything has begun, whatever else a server says is its answer.
        return error.details.reason == _NOT_SERVING or (bool(self._name) and isinstance(error, _PASSING))

    def _ran_out(self, error: RpcError) -> bool:
        """Whether time is up while a server is away, whatever the last attempt came to."""
        away = not error.details.request_id and isinstance(error, _BROKEN)
        return away and self._was_there and self._left() <= 0

    async def _is_over(self, error: RpcError | None) -> bool:
        """Whether there is nothing more to come, after the end of a stream or the error that ended it."""
        if self._finished or not self._name:
            return error is None
        if error is not None and not error.details.request_id:
            # Not the execution's own; where that has ended, the next stream tells how.
            return False
        try:
            seconds = min(self._left(), self._settings.unary_timeout)
            found = await self._calls.get(self._name, seconds)
        except _BROKEN:
            return False
        return found.state in _ENDED and found.events <= self._next

    async def _rest(self, error: RpcError | None) -> None:
        """Pauses before the next stream."""
        asked = 0.0 if error is None else error.details.retry_after or 0.0
        await asyncio.sleep(max(min(max(asked, self._pause), self._left()), 0))
        self._pause = min(2 * self._pause, self._settings.retry.max_backoff)

    async def _leave(self) -> None:
        """Does what the server does where the call that began an execution is cancelled."""
        if self._begin is None or self._begin.on_disconnect == DISCONNECT_POLICY_CONTINUE:
            return
        if self._name and not self._waits_for_a_person:
            await self._calls.try_to_cancel(self._name, _LEAVE_SECONDS)

    def _left(self) -> float:
        return self._end - asyncio.get_running_loop().time()

"""One execution of `ScriptedExecutions`: a story that is told as it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias

from autoflow import errors
from autoflow.v1 import interpreter_service_pb2 as pb

Story: TypeAlias = Callable[[pb.ExecuteWorkflowRequest], AsyncGenerator[pb.ExecutionEvent, str]]
"""What happens after `started`; where it yields `person_asked`, it is sent the answer. What it raises is the
error of the execution."""

_BEGINNING = 200
"""Characters of a query in a list."""


class KeptExecution:
    """One execution: what is told of it, and what has happened.

    Args:
        name: `executions/<id>`.
        request: what was asked for.
        changed: is notified of everything that happens.
    """

    def __init__(self, name: str, request: pb.ExecuteWorkflowRequest, changed: asyncio.Condition) -> None:
        self.kept = pb.Execution(
            name=name,
            state=pb.EXECUTION_STATE_RUNNING,
            request=request,
            query_beginning=request.query[:_BEGINNING],
            model=request.model,
        )
        self.kept.create_time.GetCurrentTime()
        self.events: list[pb.ExecutionEvent] = []
        self.error: Exception | None = None
        self._changed = changed
        self._answer: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing happens any more."""
        return self.kept.HasField("end_time")

    def begin(self, story: AsyncGenerator[pb.ExecutionEvent, str]) -> None:
        """Lets it happen."""
        self._task = asyncio.create_task(self._happen(story))

    def cancel(self) -> None:
        """Ends it where it stands."""
        if self._task is not None:
            self._task.cancel()

    def answer(self, sequence: int, answer: str) -> None:
        """Answers its question.

        Raises:
            FailedPrecondition: it does not wait with that question.
        """
        if self._answer is None or self.kept.question_sequence != sequence:
            raise errors.FailedPrecondition(f"`{self.kept.name}` does not wait with question {sequence}")
        self._answer.set_result(answer)
        self._answer = None

    async def tell(
        self, first: int, stopping: Callable[[], bool] = lambda: False
    ) -> AsyncGenerator[pb.ExecutionEvent]:
        """Yields the events from one on, those to come too, and raises the execution's error.

        Args:
            first: the sequence of the first one.
            stopping: whether the server stops, and the call ends with `Unavailable`.
        """
        told = first

        def is_more() -> bool:
            return self.over or len(self.events) > told or stopping()

        while not self.over or told < len(self.events):
            async with self._changed:
                await self._changed.wait_for(is_more)
            if stopping():
                raise errors.Unavailable("the server stops; the execution goes on elsewhere")
            for event in self.events[told:]:
                yield event
                told += 1
        if self.error is not None:
            raise self.error

    async def _happen(self, story: AsyncGenerator[pb.ExecutionEvent, str]) -> None:
        state = pb.EXECUTION_STATE_FINISHED
        try:
            await self._store(pb.ExecutionEvent(started=_started(self.kept)))
            event = await anext(story)
            while True:
                await self._store(event)
                sent = await self._ask(event) if event.HasField("person_asked") else ""
                event = await story.asend(sent)
        except StopAsyncIteration:
            pass
        except asyncio.CancelledError:
            state = pb.EXECUTION_STATE_CANCELLED
            self.error = errors.Cancelled(f"`{self.kept.name}` was cancelled")
        except Exception as error:
            state, self.error = pb.EXECUTION_STATE_FAILED, error
            self.kept.error.message = str(error)
        finally:
            self.kept.state = state
            self.kept.end_time.GetCurrentTime()
            await story.aclose()
            await self._notify()

    async def _ask(self, event: pb.ExecutionEvent) -> str:
        self._answer = asyncio.get_running_loop().create_future()
        self.kept.state = pb.EXECUTION_STATE_WAITING
        self.kept.question.CopyFrom(event.person_asked)
        self.kept.question_sequence = self.events[-1].sequence
        await self._notify()
        answer = await self._answer
        self.kept.state = pb.EXECUTION_STATE_RUNNING
        self.kept.ClearField("question")
        told = pb.PersonAnswered(step=event.person_asked.step, answer=answer)
        await self._store(pb.ExecutionEvent(person_answered=told))
        return answer

    async def _store(self, event: pb.ExecutionEvent) -> None:
        stored = pb.ExecutionEvent()
        stored.CopyFrom(event)
        stored.sequence = len(self.events)
        if not stored.HasField("time"):
            stored.time.FromNanoseconds(time.time_ns())
        self.events.append(stored)
        self.kept.events = len(self.events)
        self.kept.update_time.CopyFrom(stored.time)
        if stored.HasField("finished"):
            self.kept.finished.CopyFrom(stored.finished)
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _started(kept: pb.Execution) -> pb.ExecutionStarted:
    request = kept.request
    return pb.ExecutionStarted(
        execution=kept.name,
        protocol=request.protocol or pb.EXECUTION_PROTOCOL_FUSED,
        prompt_version="none",
        memory=request.memory or pb.MEMORY_STRATEGY_APPEND,
        step_tools=request.step_tools,
    )

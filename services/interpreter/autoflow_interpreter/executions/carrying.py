"""Carries one execution out, and stores what becomes of it.

What breaks the work off, such as a cancellation, never breaks off the writing of how it ended.
An execution whose servers are lost again and again in one place may be what they are lost to: it fails.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeAlias

from autoflow.errors import Aborted, AutoFlowError, DataLoss, Unavailable
from autoflow.llm import LanguageModelError
from autoflow_interpreter.events import Event, Finished, PersonAsked, Recorded, Resumed
from autoflow_interpreter.executions.held import Held
from autoflow_interpreter.executions.model import (
    Appended,
    Change,
    Execution,
    ExecutionState,
    Failure,
    Question,
)
from autoflow_interpreter.executions.recorder import Codec, Fenced, StoredRecorder
from autoflow_interpreter.executions.store import ExecutionStore
from autoflow_interpreter.executions.writer import GroupWriter
from autoflow_interpreter.journal import Recorder
from autoflow_interpreter.past import Past, past_of

_LOG = logging.getLogger(__name__)
_PAGE = 512
"""Events that are read at once."""
_RESUME_SECONDS = 60.0
"""That what a kept execution needs has to come up."""
_RESUME_PAUSE = 1.0
_MOST_LOSSES = 10
"""Of servers in a row between which nothing was recorded; one more, and the execution fails."""

Run: TypeAlias = Callable[[str, Past, Recorder], Coroutine[Any, Any, Finished | PersonAsked]]
"""Carries one execution out: its id, what is known of it, and where it is recorded."""
Resume: TypeAlias = Callable[[bytes, Past], Awaitable[Run]]
"""Makes what carries a kept request out."""


class WireCodec(Codec, Protocol):
    """Everything that is kept, as bytes."""

    def finished(self, finished: Finished) -> bytes:
        """How an execution ended."""

    def asked(self, asked: PersonAsked) -> bytes:
        """What a person is asked."""

    def failure(self, error: Exception) -> Failure:
        """Why an execution failed, as callers are told."""


class Unread(Exception):
    """What is stored of an execution cannot be read now."""


class Carrier:
    """Carries out executions that this server holds.

    Args:
        store: where their events are.
        writer: stores further ones.
        codec: what is kept, as bytes.
        resume: makes what carries a stored execution out.
        now_ns: nanoseconds since the Unix epoch, for the events' times.
    """

    def __init__(
        self,
        store: ExecutionStore,
        writer: GroupWriter,
        codec: WireCodec,
        resume: Resume,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._writer = writer
        self._codec = codec
        self._resume = resume
        self._now_ns = now_ns

    async def carry_out(self, held: Held, run: Run) -> None:
        """Carries an execution out, and stores what becomes of it.

        Args:
            held: which.
            run: carries it out.
        """
        recorder = StoredRecorder(
            self._writer,
            self._codec,
            held.live,
            held.execution.token,
            wanted_cancelled=partial(held.end, cancelled=True),
            now_ns=self._now_ns,
        )
        told = {"execution": held.execution.id}
        try:
            event, change = await self._ended(held, run, recorder)
            if await recorder.finish(event, change) is Appended.CANCEL_REQUESTED:
                await recorder.finish(None, Change(ExecutionState.CANCELLED))
        except asyncio.CancelledError:
            # What is known by now need not be found out again by whoever goes on.
            with suppress(Fenced, AutoFlowError):
                await recorder.settle()
            raise
        except Fenced:
            _LOG.warning("another server holds the execution by now", extra=told)
        except (AutoFlowError, Unread) as error:
            # It stays as it is stored, and is claimed when its lease is over. Nobody knows when that will be.
            _LOG.warning("an execution cannot be read or stored: %s", error, extra=told)
            held.live.fail(str(error))
        except Exception:
            _LOG.exception("what became of an execution cannot be stored", extra=told)

    def resuming(self, held: Held, *, lost: bool) -> Run:
        """What carries out an execution of which something is stored.

        Args:
            held: which.
            lost: whether its server was lost.
        """

        async def run(execution_id: str, _: Past, recorder: Recorder) -> Finished | PersonAsked:
            past = past_of(await self._events(held.execution))
            if lost and past.losses >= _MOST_LOSSES:
                raise Aborted(f"{past.losses + 1} servers were lost in the same place of the execution")
            carry_out = await self._resumed(held.execution.executed, past)
            if lost:
                resumed = Resumed(held.execution.resumptions)
                past.resumed(resumed)
                # The first event says that it has started.
                if past.started is not None:
                    recorder.record(resumed)
            return await carry_out(execution_id, past, recorder)

        return run

    async def _ended(self, held: Held, run: Run, recorder: StoredRecorder) -> tuple[Event | None, Change]:
        """Carries it out; returns its last event, if there is one, and what becomes of it."""
        try:
            with held.working():
                ended = await run(held.execution.id, Past(), recorder)
        except asyncio.CancelledError:
            if not held.cancelled:
                raise
            return None, Change(ExecutionState.CANCELLED)
        except (Fenced, Unread):
            raise
        except Exception as error:
            self._log(error, held.execution.id)
            return None, Change(ExecutionState.FAILED, failure=self._codec.failure(error))
        if isinstance(ended, Finished):
            return ended, Change(ExecutionState.FINISHED, finished=self._codec.finished(ended))
        question = Question(recorder.next, self._codec.asked(ended), ended.deadline)
        return ended, Change(ExecutionState.WAITING, question)

    def _log(self, error: Exception, execution_id: str) -> None:
        told = {"execution": execution_id, "error": type(error).__name__}
        if isinstance(error, AutoFlowError | LanguageModelError):
            _LOG.info("an execution failed", extra=told)
        else:
            _LOG.error("an execution failed in an unexpected way", extra=told, exc_info=error)

    async def _resumed(self, request: bytes, past: Past) -> Run:
        """What it needs may come up only now, as this server does; so it is waited for."""
        end = time.monotonic() + _RESUME_SECONDS
        while True:
            try:
                return await self._resume(request, past)
            except Unavailable:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(_RESUME_PAUSE)

    async def _events(self, execution: Execution) -> list[Recorded]:
        events: list[Recorded] = []
        start = 0
        while start < execution.events:
            try:
                page = await self._store.events(execution.id, start, _PAGE)
            except Unavailable as error:
                raise Unread(error.message) from error
            if not page:
                raise DataLoss(f"events of `executions/{execution.id}` are missing")
            decoded = (self._codec.decode(each.sequence, each.payload) for each in page)
            events += filter(None, decoded)
            start += len(page)
        return events

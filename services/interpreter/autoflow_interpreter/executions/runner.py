"""Carries executions out, each in a task of its own, and keeps them alive.

An execution is nobody's call: who began it may leave, and others may watch it. It is held by one server under
a lease that is renewed; where a server is lost, another one, or the same one when it is back, claims what it
held, and goes on from what is stored. A server that lost its lease without knowing stops at its next write.

Left out: fairness between callers. All that are admitted run at once.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from autoflow.admission import Admission
from autoflow.errors import AutoFlowError, ResourceExhausted
from autoflow_interpreter.events import Finished, PersonAsked, Recorded, Resumed
from autoflow_interpreter.executions.live import Live
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
_PRUNE_SECONDS = 60.0
_PRUNED = 500
"""Executions that are deleted at once."""


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


@dataclass(slots=True)
class Held:
    """An execution that this server holds."""

    execution: Execution
    live: Live
    task: asyncio.Task[None] | None = None
    cancelled: bool = False
    """Whether somebody wants it cancelled."""
    owners: int = 0
    """Calls that end it when the last of them leaves."""
    admitted: ExitStack = field(default_factory=ExitStack)

    def cancel(self) -> None:
        """Ends it as cancelled. Harmless when repeated."""
        if not self.cancelled and self.task is not None:
            self.cancelled = True
            self.task.cancel()


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """How executions are kept alive."""

    owner: str
    """Tells this server from others."""
    lease: timedelta
    pause: float
    """Seconds between two looks for what to renew and to claim."""
    keep: timedelta
    """How long executions are kept after their end."""
    keep_executions: int
    """How many that have ended are kept at most."""


class Runner:
    """The executions that this server holds.

    Args:
        store: where they are kept.
        writer: stores their events.
        codec: what is kept, as bytes.
        resume: makes what carries a stored execution out.
        admission: bounds how many run at once.
        settings: see `RunnerSettings`.
        now: the time, aware.
        now_ns: nanoseconds since the Unix epoch, for the events' times.
    """

    def __init__(
        self,
        store: ExecutionStore,
        writer: GroupWriter,
        codec: WireCodec,
        resume: Resume,
        *,
        admission: Admission,
        settings: RunnerSettings,
        now: Callable[[], datetime],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._writer = writer
        self._codec = codec
        self._resume = resume
        self._admission = admission
        self._settings = settings
        self._now = now
        self._now_ns = now_ns
        self._held: dict[str, Held] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._pruned = -math.inf
        self.stopping = False
        """Whether calls that end now end because the server does."""

    @property
    def alive(self) -> bool:
        """Whether leases are renewed."""
        return self._keeper is not None and not self._keeper.done()

    @property
    def owner(self) -> str:
        """Tells this server from others."""
        return self._settings.owner

    @property
    def lease_end(self) -> datetime:
        """When a lease ends that begins now."""
        return self._now() + self._settings.lease

    def start(self) -> None:
        """Begins to keep leases, and to take over what others have lost."""
        self._writer.start()
        self._keeper = asyncio.create_task(self._keep(), name="executions-keeper")

    async def stop(self) -> None:
        """Lets go of everything, so that another server goes on with it at once."""
        self.stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        held = list(self._held.values())
        for each in held:
            if each.task is not None:
                each.task.cancel()
        if tasks := [each.task for each in held if each.task is not None]:
            await asyncio.wait(tasks)
        await self._writer.close()
        with suppress(AutoFlowError):
            await self._store.release([(each.execution.id, each.execution.token) for each in held])

    def get(self, execution_id: str) -> Held | None:
        """An execution that this server holds."""
        return self._held.get(execution_id)

    async def begin(self, execution: Execution, run: Run) -> tuple[Execution, bool]:
        """Stores a new execution and carries it out.

        Returns:
            The execution, and whether it is new; another one has come with its `request_id` before.

        Raises:
            ResourceExhausted: too many are under way.
            Unavailable: it cannot be stored.
        """
        with ExitStack() as admitted:
            admitted.enter_context(self._admission.enter())
            stored, new = await self._store.insert(execution, self._settings.owner, self.lease_end)
            if new:
                held = self._hold(stored, admitted.pop_all())
                held.task = asyncio.create_task(self._carry_out(held, run))
        return stored, new

    async def take_or_release(self, execution: Execution, *, lost: bool = False) -> None:
        """Goes on with an execution that is leased to this server; where too many are under way, another may.

        Args:
            execution: with its request.
            lost: whether its server was lost.
        """
        try:
            with ExitStack() as admitted:
                admitted.enter_context(self._admission.enter())
                held = self._hold(execution, admitted.pop_all())
                held.task = asyncio.create_task(self._carry_on(held, lost))
        except ResourceExhausted:
            await self._store.release([(execution.id, execution.token)])

    def _hold(self, execution: Execution, admitted: ExitStack) -> Held:
        held = Held(execution, Live(execution.id, execution.events), admitted=admitted)
        self._held[execution.id] = held
        return held

    async def _carry_on(self, held: Held, lost: bool) -> None:
        """Carries out an execution of which something is stored."""

        async def run(execution_id: str, _: Past, recorder: Recorder) -> Finished | PersonAsked:
            past = past_of(await self._events(held.execution))
            if lost:
                resumed = Resumed(held.execution.resumptions)
                recorder.record(resumed)
                past.resumed(resumed)
            carry_out = await self._resume(held.execution.request, past)
            return await carry_out(execution_id, past, recorder)

        await self._carry_out(held, run)

    async def _events(self, execution: Execution) -> list[Recorded]:
        events: list[Recorded] = []
        start = 0
        while start < execution.events:
            page = await self._store.events(execution.id, start, _PAGE)
            decoded = (self._codec.decode(each.sequence, each.payload) for each in page)
            events += filter(None, decoded)
            start += len(page)
        return events

    async def _carry_out(self, held: Held, run: Run) -> None:
        recorder = StoredRecorder(
            self._writer,
            self._codec,
            held.live,
            held.execution.token,
            wanted_cancelled=held.cancel,
            now_ns=self._now_ns,
        )
        try:
            await self._to_its_end(held, run, recorder)
        except Fenced:
            _LOG.warning("another server holds the execution by now", extra={"execution": held.execution.id})
        except AutoFlowError:
            # It stays as it is stored, and is claimed when its lease is over.
            _LOG.exception("an execution cannot be stored", extra={"execution": held.execution.id})
        finally:
            self._held.pop(held.execution.id, None)
            held.admitted.close()
            held.live.end()

    async def _to_its_end(self, held: Held, run: Run, recorder: StoredRecorder) -> None:
        try:
            ended = await run(held.execution.id, Past(), recorder)
            if isinstance(ended, Finished):
                change = Change(ExecutionState.FINISHED, finished=self._codec.finished(ended))
                await recorder.finish(ended, change)
                return
            await recorder.settle()
            question = Question(recorder.next, self._codec.asked(ended), ended.deadline)
            waiting = Change(ExecutionState.WAITING, question)
            if await recorder.finish(ended, waiting) is Appended.CANCEL_REQUESTED:
                await recorder.finish(None, Change(ExecutionState.CANCELLED))
        except asyncio.CancelledError:
            if not held.cancelled:
                raise
            await recorder.finish(None, Change(ExecutionState.CANCELLED))
        except Fenced:
            raise
        except Exception as error:
            failure = self._codec.failure(error)
            await recorder.finish(None, Change(ExecutionState.FAILED, failure=failure))

    async def _keep(self) -> None:
        while True:
            try:
                await self._renew()
                await self._claim()
                await self._prune()
            except AutoFlowError as error:
                _LOG.warning("leases cannot be renewed: %s", error)
            await asyncio.sleep(self._settings.pause)

    async def _renew(self) -> None:
        held = [(each.execution.id, each.execution.token) for each in self._held.values()]
        if not held:
            return
        lost, cancelled = await self._store.renew(held, self.lease_end)
        tokens = dict(held)
        for execution_id in lost | cancelled:
            each = self._held.get(execution_id)
            if each is None or each.execution.token != tokens[execution_id] or each.task is None:
                continue
            if execution_id in cancelled:
                each.cancel()
            else:
                each.task.cancel()

    async def _claim(self) -> None:
        for claim, lost in ((self._store.claim, True), (self._store.claim_overdue, False)):
            free = self._admission.free
            if not free:
                return
            for execution in await claim(self._settings.owner, self._now(), self.lease_end, free):
                await self.take_or_release(execution, lost=lost)

    async def _prune(self) -> None:
        """Now and then deletes what is kept no longer."""
        if time.monotonic() < self._pruned + _PRUNE_SECONDS:
            return
        before = self._now() - self._settings.keep
        pruned = await self._store.prune(before, self._settings.keep_executions, _PRUNED)
        if pruned < _PRUNED:
            self._pruned = time.monotonic()

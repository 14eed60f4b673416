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
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from autoflow.admission import Admission
from autoflow.errors import AutoFlowError, ResourceExhausted
from autoflow_interpreter.executions.carrying import Carrier, Run
from autoflow_interpreter.executions.held import Held
from autoflow_interpreter.executions.model import Execution
from autoflow_interpreter.executions.store import ExecutionStore
from autoflow_interpreter.executions.writer import GroupWriter

_LOG = logging.getLogger(__name__)
_PRUNE_SECONDS = 60.0
_PRUNED = 500
"""Executions that are deleted at once."""
_STOP_SECONDS = 60.0
"""That the work under way has to end when the server stops. Whatever is written later is not stored."""


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
        carrier: carries them out.
        admission: bounds how many run at once.
        settings: see `RunnerSettings`.
        now: the time, aware.
    """

    def __init__(
        self,
        store: ExecutionStore,
        writer: GroupWriter,
        carrier: Carrier,
        *,
        admission: Admission,
        settings: RunnerSettings,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._writer = writer
        self._carrier = carrier
        self._admission = admission
        self._settings = settings
        self._now = now
        self._held: dict[str, Held] = {}
        self._awaited: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._keeper: asyncio.Task[None] | None = None
        self._pruned = self._kept = -math.inf
        self.stopping = False
        """Whether calls that end now end because the server does."""

    @property
    def alive(self) -> bool:
        """Whether leases are renewed, and were within the last one."""
        kept = time.monotonic() < self._kept + self._settings.lease.total_seconds()
        return kept and self._keeper is not None and not self._keeper.done()

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
        self._kept = time.monotonic()
        self._keeper = asyncio.create_task(self._keep(), name="executions-keeper")

    async def stop(self) -> None:
        """Lets go of everything, so that another server goes on with it at once."""
        self.stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        held = list(self._held.values())
        for each in held:
            each.end(cancelled=False)
        if tasks := [each.task for each in held if each.task is not None]:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        await self._writer.close()
        with suppress(AutoFlowError):
            await self._store.release([each.lease for each in held])

    def get(self, execution_id: str) -> Held | None:
        """An execution that this server holds."""
        return self._held.get(execution_id)

    def awaited(self, execution_id: str) -> asyncio.Event:
        """Is set when this server begins to hold an execution the next time."""
        return self._awaited.setdefault(execution_id, asyncio.Event())

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
                held.begin(self._carry_out(held, run))
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
        except ResourceExhausted:
            await self._store.release([(execution.id, execution.token)])
            return
        held.begin(self._carry_out(held, self._carrier.resuming(held, lost=lost)))
        if execution.cancel_requested:
            held.end(cancelled=True)

    def _hold(self, execution: Execution, admitted: ExitStack) -> Held:
        if (before := self._held.get(execution.id)) is not None:
            # It was lost, perhaps to this very server, and has not heard of it.
            before.end(cancelled=False)
        held = self._held[execution.id] = Held(execution, admitted)
        if (awaited := self._awaited.pop(execution.id, None)) is not None:
            awaited.set()
        return held

    async def _carry_out(self, held: Held, run: Run) -> None:
        try:
            await self._carrier.carry_out(held, run)
        finally:
            if self._held.get(held.execution.id) is held:
                del self._held[held.execution.id]
            held.admitted.close()
            held.live.end()

    async def _keep(self) -> None:
        while True:
            try:
                await self._renew()
                await self._claim()
                await self._prune()
                self._kept = time.monotonic()
            except AutoFlowError as error:
                _LOG.warning("leases cannot be renewed: %s", error)
            except Exception:
                _LOG.exception("a look after the leases failed")
            await asyncio.sleep(self._settings.pause)

    async def _renew(self) -> None:
        held = list(self._held.values())
        if not held:
            return
        lost, cancelled = await self._store.renew([each.lease for each in held], self.lease_end)
        for each in held:
            if each.execution.id in cancelled:
                each.end(cancelled=True)
            elif each.execution.id in lost:
                each.end(cancelled=False)

    async def _claim(self) -> None:
        for claim, lost in ((self._store.claim, True), (self._store.claim_overdue, False)):
            free = self._admission.free
            if not free or self.stopping:
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

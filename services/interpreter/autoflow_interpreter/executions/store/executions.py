"""Keeps executions and their events in a relational database.

An execution that runs is held by one server, until its lease expires and another claims it. Every holder
has a fencing token; what a holder stores is stored under the condition that its token is still the newest, in
the same transaction, so nothing is ever stored by one that has been replaced. Events are numbered without
gaps, and never changed. All this holds for several connections, processes and servers of one database.

Every method raises Unavailable where the database is away.

Left out: lists that are one state of the whole. An execution that is created while somebody turns the pages
may appear behind one that came after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from autoflow.store.database import Database
from autoflow_interpreter.executions.model import (
    Append,
    Appended,
    Execution,
    ExecutionState,
    NewEvent,
    StoredEvent,
)
from autoflow_interpreter.executions.store import leasing, people
from autoflow_interpreter.executions.store.appending import append_all
from autoflow_interpreter.executions.store.leasing import LONG_AGO, Holder, with_requests
from autoflow_interpreter.executions.store.pruning import prune
from autoflow_interpreter.executions.store.tables import (
    DEFAULT_TENANT,
    EVENTS,
    EXECUTIONS,
    REQUESTS,
    begun,
    from_begun,
    to_execution,
)

MIGRATIONS = Path(__file__).parent / "migrations"
"""The folder of the revisions of these tables."""

_TABLE = EXECUTIONS.c


def _now() -> datetime:
    return datetime.now(UTC)


class ExecutionStore(Database):
    """Executions and their events.

    Args:
        engine: the database; not connected to before the first call.
        tenant: whose executions these are.
        clock: the time, aware.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        tenant: str = DEFAULT_TENANT,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        super().__init__(engine, MIGRATIONS, EXECUTIONS)
        self._tenant = tenant
        self._clock = clock
        self._ours = _TABLE.tenant == tenant

    async def insert(self, execution: Execution, owner: str, lease_until: datetime) -> tuple[Execution, bool]:
        """Stores a new execution, which runs and is held by the caller.

        Args:
            execution: the execution; what only the store decides is not looked at: state, count of events,
                token, place.
            owner: who holds it, at most 128 characters.
            lease_until: until when without a sign of life.

        Returns:
            The execution as it is stored, or the one that has its `request_id` already; and whether it is
            new.
        """
        new = begun(execution)
        holding = {"owner": owner, "lease_expires": lease_until}

        def store(connection: Connection) -> int:
            placed = insert(EXECUTIONS).returning(_TABLE.place)
            place = connection.scalar(placed, {**from_begun(new, self._tenant), **holding})
            asked = {"request": execution.request, "settled": execution.settled or None}
            connection.execute(insert(REQUESTS), {"execution": place, **asked})
            return int(place)

        try:
            place = await self._connections.write(store)
        except IntegrityError:
            # Somebody with the same request_id came first, perhaps a moment ago.
            if execution.request_id and (found := await self.find_request(execution.request_id)):
                return found, False
            raise
        return replace(new, place=place), True

    async def append(self, batch: Sequence[Append]) -> list[Appended]:
        """Stores what holders want stored, in one transaction; durable when this returns.

        The same append may come again, such as after Unavailable, when nobody knows whether it was stored.

        Args:
            batch: of any executions; several of one in their order.

        Returns:
            What came of each.
        """
        now = self._clock()
        return await self._connections.write(
            lambda connection: append_all(connection, self._tenant, batch, now)
        )

    async def get(self, execution_id: str) -> Execution:
        """An execution.

        Raises:
            NotFound: there is no such execution.
        """
        return await self._connections.read(lambda connection: self._one(connection, execution_id))

    async def glance(self, execution_id: str) -> Execution:
        """An execution without its request, for those who look again and again.

        Raises:
            NotFound: there is no such execution.
        """
        query = select(EXECUTIONS).where(self._ours, _TABLE.id == execution_id)
        row = await self._connections.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            raise people.not_found(execution_id)
        return to_execution(row)

    async def find_request(self, request_id: str) -> Execution | None:
        """The execution that was created with this id of a request."""
        return await self._connections.read(
            lambda connection: self._find(connection, _TABLE.request_id == request_id)
        )

    async def events(self, execution_id: str, start: int, limit: int) -> list[StoredEvent]:
        """Events of an execution, in order; none where there is no such execution.

        Args:
            execution_id: the execution.
            start: the first sequence.
            limit: the most to return.
        """
        query = (
            select(EVENTS.c.sequence, EVENTS.c.payload)
            .join(EXECUTIONS, EVENTS.c.execution == _TABLE.place)
            .where(self._ours, _TABLE.id == execution_id, EVENTS.c.sequence >= start)
            .order_by(EVENTS.c.sequence)
            .limit(limit)
        )
        rows = await self._connections.read(lambda connection: connection.execute(query).all())
        return [StoredEvent(*row) for row in rows]

    async def page(
        self, before: int | None, limit: int, state: ExecutionState | None = None
    ) -> list[Execution]:
        """Executions without their requests, the newest first.

        Args:
            before: only executions of an earlier place; None means all.
            limit: the most to return.
            state: only those in this state; None means all.
        """
        query = select(EXECUTIONS).where(self._ours)
        if before is not None:
            query = query.where(_TABLE.place < before)
        if state is not None:
            query = query.where(_TABLE.state == state.value)
        query = query.order_by(_TABLE.place.desc()).limit(limit)
        rows = await self._connections.read(lambda connection: connection.execute(query).all())
        return [to_execution(row) for row in rows]

    async def renew(self, held: Sequence[tuple[str, int]], until: datetime) -> tuple[set[str], set[str]]:
        """Keeps leases.

        Args:
            held: ids of executions and the tokens with which the caller holds them.
            until: until when, from now on without a sign of life.

        Returns:
            The ids of those that the caller does not hold any more, be it that they have ended, and of those
            that somebody wants cancelled.
        """
        if not held:
            return set(), set()
        return await self._connections.write(
            lambda connection: leasing.extend(connection, self._tenant, held, until)
        )

    async def release(self, held: Sequence[tuple[str, int]]) -> None:
        """Gives leases back: whoever claims next gets the executions. Those that others hold stay theirs.

        Args:
            held: ids of executions and the tokens with which the caller holds them.
        """
        await self.renew(held, LONG_AGO)

    async def claim(self, owner: str, now: datetime, until: datetime, limit: int) -> list[Execution]:
        """Takes over executions whose holders were lost; each goes to one of those who claim.

        Args:
            owner: who takes them, at most 128 characters.
            now: the time; leases that ended before have expired.
            until: until when the caller holds them without a sign of life.
            limit: the most to take.

        Returns:
            Those that the caller holds now, with new tokens, the oldest first.
        """
        due = (_TABLE.state == ExecutionState.RUNNING.value, _TABLE.lease_expires <= now)
        return await self._take(due, Holder(owner, until), limit, resumptions=1)

    async def claim_overdue(self, owner: str, now: datetime, until: datetime, limit: int) -> list[Execution]:
        """Takes executions that nobody has answered in time; they run again, for the caller to end them.

        Args:
            owner: who takes them, at most 128 characters.
            now: the time.
            until: until when the caller holds them without a sign of life.
            limit: the most to take.

        Returns:
            Those that the caller holds now, without their questions, the oldest first.
        """
        due = (_TABLE.state == ExecutionState.WAITING.value, _TABLE.question_deadline <= now)
        return await self._take(due, Holder(owner, until), limit, resumptions=0)

    async def request_cancel(self, execution_id: str, event: NewEvent | None = None) -> Execution:
        """Wants an execution cancelled: its holder is told where it runs, and it ends at once where it waits.

        Args:
            execution_id: the execution.
            event: its last one, where it waits.

        Returns:
            The execution as it is now.

        Raises:
            NotFound: there is no such execution.
        """
        now = self._clock()

        def cancel(connection: Connection) -> Execution:
            people.cancel(connection, self._tenant, execution_id, event, now)
            return self._one(connection, execution_id)

        return await self._connections.write(cancel)

    async def answer(
        self,
        execution_id: str,
        question_sequence: int,
        answer: str,
        event: NewEvent,
        owner: str,
        until: datetime,
    ) -> tuple[Execution, bool]:
        """Answers the question that an execution waits with; it runs again, held by the caller.

        Args:
            execution_id: the execution.
            question_sequence: of the event that asked.
            answer: the answer; the same one to the same question may come again.
            event: says so; stored in the same transaction, as the event after that which asked.
            owner: who holds the execution, at most 128 characters.
            until: until when without a sign of life.

        Returns:
            The execution as it is now, and whether the caller holds it; else the answer came again.

        Raises:
            NotFound: there is no such execution.
            FailedPrecondition: it does not wait with this question.
        """
        holder, now = Holder(owner, until), self._clock()

        def give(connection: Connection) -> tuple[Execution, bool]:
            given = people.answer(
                connection, self._tenant, execution_id, question_sequence, answer, event, holder, now
            )
            return self._one(connection, execution_id), given

        return await self._connections.write(give)

    async def prune(self, ended_before: datetime, keep: int, limit: int) -> int:
        """Deletes executions that have ended, with their events.

        Args:
            ended_before: those that ended before this go, and
            keep: those beyond so many that ended last.
            limit: the most to delete.

        Returns:
            How many were deleted; where it is `limit`, there may be more.
        """
        return await self._connections.write(
            lambda connection: prune(connection, self._tenant, ended_before, keep, limit)
        )

    async def _take(
        self, due: Sequence[ColumnElement[bool]], holder: Holder, limit: int, *, resumptions: int
    ) -> list[Execution]:
        which = (self._ours, *due)
        return await self._connections.write(
            lambda connection: leasing.take(connection, which, holder, limit, resumptions=resumptions)
        )

    def _one(self, connection: Connection, execution_id: str) -> Execution:
        found = self._find(connection, _TABLE.id == execution_id)
        if found is None:
            raise people.not_found(execution_id)
        return found

    def _find(self, connection: Connection, which: ColumnElement[bool]) -> Execution | None:
        row = connection.execute(with_requests().where(self._ours, which)).one_or_none()
        return None if row is None else to_execution(row)

"""Keeps runs in a relational database.

A change is a pure transition from the stored record to the next. It is written under the condition that the
record is still the one it was computed from, in one transaction with everything that belongs to it, so of two
changes that race one is applied after the other and neither is lost; the same holds for several connections
and processes. The first statement of a transaction that writes is always a write: SQLite then waits for its
one write lock instead of failing halfway.

It does not protect against a second trainer on the same database that launches workers of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import defer

from autoflow.errors import NotFound, ResourceExhausted, Unavailable
from autoflow.store.database import Database
from autoflow.store.engine import Base
from autoflow.store.sessions import Sessions
from autoflow_trainer.runs import FINAL_STATES, Iteration, Run, RunRecord, RunState
from autoflow_trainer.store.tables import (
    DEFAULT_TENANT,
    IterationRow,
    OpeningRow,
    RunRow,
    to_columns,
    to_record,
)

Transition = Callable[[RunRecord], RunRecord]
"""Computes the next record; returns the very one it was given to change nothing. May be called again."""

MIGRATIONS = Path(__file__).parent / "migrations"
"""The folder of the revisions of these tables."""

_MAX_RACES = 50
"""Changes that may come in between before a change is given up."""


class RunStore(Database):
    """Runs, their iterations, and the openings of test splits.

    Args:
        engine: the database; not connected to before the first call.
        on_change: called with a run's id after something that callers see of it was stored.
        tenant: whose runs these are.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        on_change: Callable[[str], None],
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        super().__init__(engine, MIGRATIONS, RunRow.__table__)
        self._sessions = Sessions(engine)
        self._on_change = on_change
        self._tenant = tenant

    async def insert(self, run: Run, request_id: str | None, *, max_waiting: int) -> RunRecord:
        """Stores a new run.

        Args:
            run: the run.
            request_id: the caller's own id of the request; unique among all runs.
            max_waiting: so many runs may be pending, this one included.

        Returns:
            The new record, or that of the run which has this `request_id` already.

        Raises:
            ResourceExhausted: too many runs are pending.
        """
        record = RunRecord(run)
        row = RunRow(
            tenant=self._tenant,
            id=run.id,
            request_id=request_id,
            spec=run.spec,
            create_time=run.create_time,
            suite_artifact=run.suite_artifact,
            power=run.power,
            **to_columns(record),
        )
        try:
            # One insertion after the other: each counts those before it, and none becomes visible before one
            # of a smaller sequence.
            async with self._sessions.writing(lock=f"runs/{self._tenant}") as session:
                session.add(row)
                await session.flush()
                # Counted after the insertion, with which SQLite's write lock begins.
                if await self._count_pending(session) > max_waiting:
                    raise ResourceExhausted(f"{max_waiting} runs wait already", retry_after=5.0)
        except IntegrityError:
            # Somebody with the same request_id came first, perhaps a moment ago.
            if request_id is not None and (found := await self.find_request(request_id)):
                return found
            raise
        self._on_change(run.id)
        return replace(record, sequence=row.sequence)

    async def find_request(self, request_id: str) -> RunRecord | None:
        """The run that was created with this id of a request."""
        async with self._sessions.reading() as session:
            row = await session.scalar(
                select(RunRow).where(RunRow.tenant == self._tenant, RunRow.request_id == request_id)
            )
        return None if row is None else to_record(row)

    async def get(self, run_id: str) -> RunRecord:
        """A run.

        Raises:
            NotFound: there is no such run.
        """
        async with self._sessions.reading() as session:
            row = await session.scalar(
                select(RunRow).where(RunRow.tenant == self._tenant, RunRow.id == run_id)
            )
        if row is None:
            raise NotFound(f"there is no run `runs/{run_id}`")
        return to_record(row)

    async def page(self, before: int | None, limit: int) -> list[RunRecord]:
        """Runs without their results, the newest first.

        Args:
            before: only runs that were created before that place in the order of creation; None means all.
            limit: the most to return.
        """
        query = select(RunRow).where(RunRow.tenant == self._tenant).options(defer(RunRow.result))
        if before is not None:
            query = query.where(RunRow.sequence < before)
        async with self._sessions.reading() as session:
            rows = await session.scalars(query.order_by(RunRow.sequence.desc()).limit(limit))
            return [to_record(row, with_result=False) for row in rows]

    async def unfinished(self) -> list[RunRecord]:
        """All runs that are not final, the oldest first."""
        query = select(RunRow).where(
            RunRow.tenant == self._tenant, RunRow.state.not_in([state.value for state in FINAL_STATES])
        )
        async with self._sessions.reading() as session:
            rows = await session.scalars(query.order_by(RunRow.sequence))
            return [to_record(row) for row in rows]

    async def iterations(self, record: RunRecord, start: int = 0) -> list[bytes]:
        """The payloads of a run's iterations, in order.

        Args:
            record: the run; iterations that were committed after it was read are left out.
            start: the first index.
        """
        query = select(IterationRow.payload).where(
            IterationRow.run == record.sequence,
            IterationRow.index >= start,
            IterationRow.index < record.run.committed,
        )
        async with self._sessions.reading() as session:
            return list(await session.scalars(query.order_by(IterationRow.index)))

    async def update(
        self, run_id: str, transition: Transition, *, iteration: Iteration | None = None
    ) -> RunRecord:
        """Changes a run.

        Args:
            run_id: the run.
            transition: computes the change; what it raises is passed on.
            iteration: stored together with a change that commits it.

        Returns:
            The record after the change; it is durable.

        Raises:
            NotFound: there is no such run.
            Unavailable: others changed the run again and again in between.
        """
        for _ in range(_MAX_RACES):
            old = await self.get(run_id)
            new = transition(old)
            if new is old:
                return old
            rows = _committed(old, new, iteration, self._tenant)
            if (stored := await self._swap(old, new, rows)) is not None:
                return stored
        raise _too_many_races()

    async def open_test(
        self, run_id: str, transition: Transition, *, suite_digest: str, now: datetime
    ) -> int:
        """Records that a run opens a suite's test split; once, however often it is called.

        Args:
            run_id: the run.
            transition: refuses a caller who may not.
            suite_digest: of which suite.
            now: the time.

        Returns:
            How many runs have opened it.

        Raises:
            NotFound: there is no such run.
            Unavailable: others changed the run again and again in between.
        """
        key = {"tenant": self._tenant, "suite_digest": suite_digest}
        for _ in range(_MAX_RACES):
            old = await self.get(run_id)
            new = transition(old)
            async with self._sessions.reading() as session:
                known = await session.get(OpeningRow, {**key, "run": old.sequence})
            opening = [] if known else [OpeningRow(**key, run=old.sequence, open_time=now)]
            # Swapped even where nothing changes: the check of the lease must hold at the time of the
            # insertion.
            if await self._swap(old, new, opening) is not None:
                return await self._count_openings(suite_digest)
        raise _too_many_races()

    async def _swap(self, old: RunRecord, new: RunRecord, rows: Sequence[Base]) -> RunRecord | None:
        """Stores a record and its rows if the stored one is still the old one; None where it is not."""
        stored = replace(new, version=old.version + 1)
        async with self._sessions.writing() as session:
            swapped = await session.scalar(
                update(RunRow)
                .where(RunRow.sequence == old.sequence, RunRow.version == old.version)
                .values(to_columns(stored))
                .returning(RunRow.sequence)
                .execution_options(synchronize_session=False)
            )
            if swapped is None:
                return None
            session.add_all(rows)
        if stored.run != old.run:
            self._on_change(stored.run.id)
        return stored

    async def _count_pending(self, session: AsyncSession) -> int:
        query = select(func.count()).where(
            RunRow.tenant == self._tenant, RunRow.state == RunState.PENDING.value
        )
        return await session.scalar(query) or 0

    async def _count_openings(self, suite_digest: str) -> int:
        query = select(func.count()).where(
            OpeningRow.tenant == self._tenant, OpeningRow.suite_digest == suite_digest
        )
        async with self._sessions.reading() as session:
            return await session.scalar(query) or 0


def _committed(
    old: RunRecord, new: RunRecord, iteration: Iteration | None, tenant: str
) -> list[IterationRow]:
    if iteration is None or new.run.committed == old.run.committed:
        return []
    return [
        IterationRow(
            run=old.sequence,
            index=iteration.index,
            tenant=tenant,
            payload=iteration.payload,
            checkpoint=iteration.checkpoint,
        )
    ]


def _too_many_races() -> Unavailable:
    return Unavailable("others kept changing the run; try again")

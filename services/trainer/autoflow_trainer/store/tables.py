"""The trainer's tables, and rows into records and back.

What the control plane decides by and searches for has columns; what it only passes on is kept as the bytes it
came in. Whoever changes a table adds a revision to `migrations/versions`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from autoflow.store.columns import SERIAL, UtcTime, storable
from autoflow.store.engine import Base
from autoflow_trainer.runs import Failure, Lease, Progress, Run, RunRecord, RunState

DEFAULT_TENANT = "default"
"""Whose everything is until there are identities."""


class RunRow(Base):
    """A run."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("tenant", "id"),
        # Rows without a request_id (NULL) never collide.
        UniqueConstraint("tenant", "request_id"),
        Index("runs_by_state", "tenant", "state"),
        {"sqlite_autoincrement": True},
    )

    sequence: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(String(64))
    id: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(36))
    version: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    spec: Mapped[bytes] = mapped_column(LargeBinary)
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    start_time: Mapped[datetime | None] = mapped_column(UtcTime)
    end_time: Mapped[datetime | None] = mapped_column(UtcTime)
    committed: Mapped[int] = mapped_column(Integer)
    progress_phase: Mapped[str | None] = mapped_column(Text)
    progress_done: Mapped[int | None] = mapped_column(Integer)
    progress_total: Mapped[int | None] = mapped_column(Integer)
    ledger: Mapped[bytes] = mapped_column(LargeBinary)
    failure_code: Mapped[int | None] = mapped_column(Integer)
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_status: Mapped[bytes | None] = mapped_column(LargeBinary)
    result: Mapped[bytes] = mapped_column(LargeBinary)
    token_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    fencing_token: Mapped[int] = mapped_column(BigInteger)
    lease_expires: Mapped[datetime | None] = mapped_column(UtcTime)
    checkpoint: Mapped[str] = mapped_column(String(128))
    last_commit: Mapped[bytes] = mapped_column(LargeBinary(32))
    losses: Mapped[int] = mapped_column(Integer)
    launch_after: Mapped[datetime | None] = mapped_column(UtcTime)
    suite_artifact: Mapped[str] = mapped_column(String(128), server_default="")
    power: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class IterationRow(Base):
    """A committed iteration; never changed."""

    __tablename__ = "iterations"

    run: Mapped[int] = mapped_column(ForeignKey("runs.sequence"), primary_key=True)
    index: Mapped[int] = mapped_column(Integer, primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    checkpoint: Mapped[str] = mapped_column(String(128))


class OpeningRow(Base):
    """A run has opened a suite's test split."""

    __tablename__ = "test_openings"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    suite_digest: Mapped[str] = mapped_column(String(128), primary_key=True)
    run: Mapped[int] = mapped_column(ForeignKey("runs.sequence"), primary_key=True)
    open_time: Mapped[datetime] = mapped_column(UtcTime)


class SuiteRow(Base):
    """A suite that somebody created; never changed."""

    __tablename__ = "suites"
    __table_args__ = (UniqueConstraint("tenant", "id"), {"sqlite_autoincrement": True})

    sequence: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(String(64))
    id: Mapped[str] = mapped_column(String(64))
    head: Mapped[str] = mapped_column(Text)
    train_tasks: Mapped[int] = mapped_column(Integer)
    validation_tasks: Mapped[int] = mapped_column(Integer)
    test_tasks: Mapped[int] = mapped_column(Integer)
    independent_train_tasks: Mapped[int] = mapped_column(Integer)
    independent_validation_tasks: Mapped[int] = mapped_column(Integer)
    independent_test_tasks: Mapped[int] = mapped_column(Integer)
    artifact: Mapped[str] = mapped_column(String(128))
    create_time: Mapped[datetime] = mapped_column(UtcTime)


def to_columns(record: RunRecord) -> dict[str, Any]:
    """What of a record may change, as columns."""
    run, lease, progress, failure = record.run, record.lease, record.run.progress, record.run.failure
    return {
        "version": record.version,
        "state": run.state.value,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "committed": run.committed,
        "progress_phase": progress and storable(progress.phase),
        "progress_done": progress and progress.done,
        "progress_total": progress and progress.total,
        "ledger": run.ledger,
        "failure_code": failure and failure.code,
        "failure_message": failure and storable(failure.message),
        "failure_status": failure and failure.status,
        "result": run.result,
        "token_digest": lease.token_digest,
        "fencing_token": lease.fencing_token,
        "lease_expires": lease.expires,
        "checkpoint": record.checkpoint,
        "last_commit": record.last_commit,
        "losses": record.losses,
        "launch_after": record.launch_after,
    }


def to_record(row: RunRow, *, with_result: bool = True) -> RunRecord:
    """A row as a record.

    Args:
        row: the row.
        with_result: False where the row was loaded without its result.
    """
    run = Run(
        id=row.id,
        spec=row.spec,
        state=RunState(row.state),
        create_time=row.create_time,
        suite_artifact=row.suite_artifact,
        power=row.power,
        start_time=row.start_time,
        end_time=row.end_time,
        committed=row.committed,
        progress=_progress(row),
        ledger=row.ledger,
        failure=_failure(row),
        result=row.result if with_result else b"",
    )
    return RunRecord(
        run=run,
        lease=Lease(row.token_digest, row.fencing_token, row.lease_expires),
        checkpoint=row.checkpoint,
        last_commit=row.last_commit,
        losses=row.losses,
        launch_after=row.launch_after,
        version=row.version,
        sequence=row.sequence,
    )


def _progress(row: RunRow) -> Progress | None:
    if row.progress_phase is None:
        return None
    return Progress(row.progress_phase, row.progress_done or 0, row.progress_total or 0)


def _failure(row: RunRow) -> Failure | None:
    if row.failure_code is None:
        return None
    return Failure(row.failure_code, row.failure_message or "", row.failure_status or b"")

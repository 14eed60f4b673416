"""Executions, what was asked for, what happened, and what people answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the tables."""
    _make_executions()
    op.create_table(
        "execution_requests",
        _execution(),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("execution"),
    )
    op.create_table(
        "execution_events",
        _execution(),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("execution", "sequence"),
    )
    op.create_table(
        "execution_answers",
        _execution(),
        sa.Column("question", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("execution", "question"),
    )


def _execution() -> sa.Column[int]:
    return sa.Column(
        "execution", _SERIAL, sa.ForeignKey("executions.place", ondelete="CASCADE"), nullable=False
    )


def _make_executions() -> None:
    op.create_table(
        "executions",
        sa.Column("place", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("query_beginning", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("adapter", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("end_time", _TIME),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("resumptions", sa.Integer, nullable=False),
        sa.Column("question_sequence", sa.Integer),
        sa.Column("question", sa.LargeBinary),
        sa.Column("question_deadline", _TIME),
        sa.Column("finished", sa.LargeBinary, nullable=False),
        sa.Column("failure_code", sa.Integer),
        sa.Column("failure_message", sa.Text),
        sa.Column("failure_status", sa.LargeBinary),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("lease_expires", _TIME),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("tenant", "id"),
        sa.UniqueConstraint("tenant", "request_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("executions_by_state", "executions", ["tenant", "state", "place"])
    op.create_index("executions_by_end", "executions", ["tenant", "end_time"])
    op.create_index("executions_by_deadline", "executions", ["tenant", "question_deadline"])

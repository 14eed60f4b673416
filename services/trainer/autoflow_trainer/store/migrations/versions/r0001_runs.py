"""Runs, iterations, and openings of test splits.

Versions before this revision made these very tables without noting a revision; what is there is kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the tables that are missing."""
    _make_runs()
    op.create_table(
        "iterations",
        sa.Column("run", _SEQUENCE, sa.ForeignKey("runs.sequence"), nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("run", "index"),
        if_not_exists=True,
    )
    op.create_table(
        "test_openings",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("suite_digest", sa.String(128), nullable=False),
        sa.Column("run", _SEQUENCE, sa.ForeignKey("runs.sequence"), nullable=False),
        sa.Column("open_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "suite_digest", "run"),
        if_not_exists=True,
    )


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("sequence", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(36)),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("spec", sa.LargeBinary, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("start_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("committed", sa.Integer, nullable=False),
        sa.Column("progress_phase", sa.Text),
        sa.Column("progress_done", sa.Integer),
        sa.Column("progress_total", sa.Integer),
        sa.Column("ledger", sa.LargeBinary, nullable=False),
        sa.Column("failure_code", sa.Integer),
        sa.Column("failure_message", sa.Text),
        sa.Column("failure_status", sa.LargeBinary),
        sa.Column("result", sa.LargeBinary, nullable=False),
        sa.Column("token_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("fencing_token", sa.BigInteger, nullable=False),
        sa.Column("lease_expires", _TIME),
        sa.Column("checkpoint", sa.String(128), nullable=False),
        sa.Column("last_commit", sa.LargeBinary(32), nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("launch_after", _TIME),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("tenant", "id"),
        sa.UniqueConstraint("tenant", "request_id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("runs_by_state", "runs", ["tenant", "state"], if_not_exists=True)

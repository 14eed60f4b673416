"""Suites that callers created, and the suite's artifact of a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table of suites; runs that are there are runs on built-in ones."""
    op.create_table(
        "suites",
        sa.Column("sequence", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("train_tasks", sa.Integer, nullable=False),
        sa.Column("validation_tasks", sa.Integer, nullable=False),
        sa.Column("test_tasks", sa.Integer, nullable=False),
        sa.Column("artifact", sa.String(128), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("tenant", "id"),
        sqlite_autoincrement=True,
    )
    op.add_column("runs", sa.Column("suite_artifact", sa.String(128), nullable=False, server_default=""))

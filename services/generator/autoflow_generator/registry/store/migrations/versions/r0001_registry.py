"""Registered workflows, their versions, aliases, and every change of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "registered_workflows",
        sa.Column("place", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("newest", sa.Integer, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("tenant", "id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "workflow_versions",
        _workflow(),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("workflow", "number"),
        sa.UniqueConstraint("tenant", "request_id"),
    )
    _make_changes()
    op.create_table(
        "aliases",
        sa.Column("place", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        _workflow(),
        sa.Column("workflow_id", _NAME, nullable=False),
        sa.Column("alias", _NAME, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("top", _SERIAL, sa.ForeignKey("alias_changes.place"), nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("workflow", "alias"),
        sa.UniqueConstraint("tenant", "workflow_id", "alias"),
        sqlite_autoincrement=True,
    )
    op.create_index("aliases_by_version", "aliases", ["workflow", "version"])


def _workflow() -> sa.Column[int]:
    return sa.Column("workflow", _SERIAL, sa.ForeignKey("registered_workflows.place"), nullable=False)


def _make_changes() -> None:
    op.create_table(
        "alias_changes",
        sa.Column("place", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        _workflow(),
        sa.Column("alias", _NAME, nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("from_version", sa.Integer, nullable=False),
        sa.Column("to_version", sa.Integer, nullable=False),
        sa.Column("below", _SERIAL, sa.ForeignKey("alias_changes.place")),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("tenant", "request_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("alias_changes_by_workflow", "alias_changes", ["workflow", "place"])
    op.create_index("alias_changes_by_alias", "alias_changes", ["workflow", "alias", "place"])

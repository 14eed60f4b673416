"""The registry's tables.

Whoever changes a table adds a revision to `migrations/versions`.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from autoflow.store.columns import SERIAL, UtcTime

DEFAULT_TENANT = "default"
"""Whose everything is until there are identities."""

_NAME = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Sorted by code point, as SQLite does: the order of a list is the same everywhere."""

METADATA = MetaData()

WORKFLOWS = Table(
    "registered_workflows",
    METADATA,
    Column("place", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant", String(64), nullable=False),
    Column("id", _NAME, nullable=False),
    Column("newest", Integer, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    UniqueConstraint("tenant", "id"),
    sqlite_autoincrement=True,
)
"""Registered workflows. Whoever adds a version or moves an alias locks the row first."""

VERSIONS = Table(
    "workflow_versions",
    METADATA,
    Column("workflow", SERIAL, ForeignKey("registered_workflows.place"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("tenant", String(64), nullable=False),
    Column("request_id", String(64)),
    Column("digest", String(80), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    # Rows without a request_id (NULL) never collide.
    UniqueConstraint("tenant", "request_id"),
)
"""Versions; never changed."""

CHANGES = Table(
    "alias_changes",
    METADATA,
    Column("place", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant", String(64), nullable=False),
    Column("workflow", SERIAL, ForeignKey("registered_workflows.place"), nullable=False),
    Column("alias", _NAME, nullable=False),
    Column("request_id", String(64)),
    Column("kind", String(16), nullable=False),
    Column("from_version", Integer, nullable=False),
    Column("to_version", Integer, nullable=False),
    # The promotion that a rollback of this one goes back to.
    Column("below", SERIAL, ForeignKey("alias_changes.place")),
    Column("create_time", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("tenant", "request_id"),
    Index("alias_changes_by_workflow", "workflow", "place"),
    Index("alias_changes_by_alias", "workflow", "alias", "place"),
    sqlite_autoincrement=True,
)
"""Every move of every alias; never changed."""

ALIASES = Table(
    "aliases",
    METADATA,
    Column("place", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant", String(64), nullable=False),
    Column("workflow", SERIAL, ForeignKey("registered_workflows.place"), nullable=False),
    # The workflow's id again: else a page of the aliases of all would be sorted anew each time.
    Column("workflow_id", _NAME, nullable=False),
    Column("alias", _NAME, nullable=False),
    Column("version", Integer, nullable=False),
    # The promotion that it stands on.
    Column("top", SERIAL, ForeignKey("alias_changes.place"), nullable=False),
    Column("update_time", UtcTime, nullable=False),
    UniqueConstraint("workflow", "alias"),
    UniqueConstraint("tenant", "workflow_id", "alias"),
    Index("aliases_by_version", "workflow", "version"),
    sqlite_autoincrement=True,
)
"""Where aliases point now."""

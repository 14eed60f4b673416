"""What alembic runs: the revisions, on the connection that `autoflow.store.migrations` holds."""

from autoflow.store.migrations import run_revisions

run_revisions()

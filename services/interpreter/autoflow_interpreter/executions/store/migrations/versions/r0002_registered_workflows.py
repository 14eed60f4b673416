"""What of a request was found out when its execution began, such as the registered workflow that it names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; of the requests that are there nothing had to be found out."""
    op.add_column("execution_requests", sa.Column("settled", sa.LargeBinary))

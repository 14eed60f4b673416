"""What a run can tell from chance, and what that is computed from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SPLITS = ("train", "validation", "test")


def upgrade() -> None:
    """Makes the columns; of a suite that is there all tasks are taken for independent."""
    op.add_column("runs", sa.Column("power", sa.LargeBinary, nullable=False, server_default=sa.text("''")))
    for split in _SPLITS:
        op.add_column(
            "suites", sa.Column(f"independent_{split}_tasks", sa.Integer, nullable=False, server_default="0")
        )
    counted = ", ".join(f"independent_{split}_tasks = {split}_tasks" for split in _SPLITS)
    op.execute(f"UPDATE suites SET {counted}")

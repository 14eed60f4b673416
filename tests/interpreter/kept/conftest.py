from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty database, for what does not depend on its kind."""
    return f"sqlite+aiosqlite:///{tmp_path / 'interpreter.db'}"

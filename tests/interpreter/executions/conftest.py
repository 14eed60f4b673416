from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from autoflow_interpreter.executions.store import ExecutionStore
from tests.interpreter.executions.kept import opened


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[ExecutionStore]:
    async with opened(database_url) as made:
        await made.migrate()
        yield made
